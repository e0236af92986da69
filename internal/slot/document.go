package slot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Assignment says which instance a machine is to be. It holds no secret.
type Assignment struct {
	Instance     string            `json:"instance"`
	ClientToken  string            `json:"client_token"`
	NodeID       string            `json:"node_id"`
	Installation string            `json:"installation"`
	Cluster      string            `json:"cluster"`
	LaunchedAt   time.Time         `json:"launched_at"`
	Tags         map[string]string `json:"tags,omitempty"`
}

// State of a machine.
type State string

// The states that a machine reports.
const (
	// Waiting: it runs no node and keeps nothing of one.
	Waiting State = "waiting"
	// Serving: it has taken the instance and runs its node, or starts it again.
	Serving State = "serving"
	// Stopped: it has taken the instance, whose node has ended for good.
	Stopped State = "stopped"
)

// Status is what a machine says of itself.
type Status struct {
	Machine string    `json:"machine"` // host name, for people
	Version string    `json:"version"`
	State   State     `json:"state"`
	Since   time.Time `json:"since"`              // by the machine's clock
	Detail  string    `json:"detail,omitempty"`   // why, for people
	Restart int       `json:"restarts,omitempty"` // of the node since it was taken
	// Instance is the one that it serves, or served when it stopped.
	Instance string `json:"instance,omitempty"`
}

// maxText bounds what a machine can put into a manager's logs and answers.
const maxText = 500

// parseStatus reads what a machine wrote, which is not to be trusted.
func parseStatus(raw []byte) (Status, error) {
	var s Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return Status{}, fmt.Errorf("%s: %w", statusFile, err)
	}
	switch s.State {
	case Waiting:
		s.Instance = ""
	case Serving, Stopped:
		if s.Instance == "" {
			return Status{}, errors.New(statusFile + ": names no instance")
		}
	default:
		return Status{}, fmt.Errorf("%s: state %.20q is none of waiting, serving, stopped", statusFile, s.State)
	}
	for _, text := range []*string{&s.Machine, &s.Version, &s.Detail, &s.Instance} {
		if len(*text) > maxText {
			*text = (*text)[:maxText]
		}
	}
	return s, nil
}

func parseAssignment(raw []byte) (Assignment, error) {
	var a Assignment
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, fmt.Errorf("%s: %w", assignmentFile, err)
	}
	if slotName, _ := Split(a.Instance); slotName == "" || a.NodeID == "" {
		return a, errors.New(assignmentFile + ": names no instance or node")
	}
	return a, nil
}

// Join makes the id of an instance: the slot's name, a dot, and a serial that no
// other has; so the id alone says where to look.
func Join(name, serial string) string { return name + "." + serial }

// Split is the reverse of Join; both are empty when the id is none.
func Split(instance string) (name, serial string) {
	name, serial, _ = strings.Cut(instance, ".")
	if !ValidName(name) || !ValidName(serial) {
		return "", ""
	}
	return name, serial
}

// maxName keeps names usable as host names and parts of ids.
const maxName = 63

// ValidName reports whether a slot may have this name: lower-case letters,
// digits and hyphens, at most 63, as host names have.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '-' {
		return false
	}
	for _, r := range name {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}
