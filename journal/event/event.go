// Package event defines the facts that the journal carries: what happened, to what, when, under an id that makes saying it twice harmless.
//
// Events are made on nodes (sessions, files, the node itself) and by managers (alerts, changes by people). The package imports the standard library only.
package event

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kinds. A kind is also the tail of the event's subject, so that consumers can choose by it.
const (
	SessionStarted  = "transfer.session.started"  // Session
	SessionProgress = "transfer.session.progress" // Session
	SessionEnded    = "transfer.session.ended"    // Session
	FilesEnded      = "transfer.files.ended"      // Files, batched
	NodeJoined      = "node.joined"               // Node
	NodeRenewed     = "node.renewed"              // Node
	NodeStarted     = "node.started"              // Node: the agent came up
	NodeStopped     = "node.stopped"              // Node: the agent leaves in good order
	NodeDraining    = "node.draining"             // Node
	NodeUndrained   = "node.undrained"            // Node
	NodeFailed      = "node.failed"               // Node: its machine could not be set up
	ServiceDown     = "node.service.down"         // Service
	ServiceUp       = "node.service.up"           // Service
	AlertJoinReused = "alert.join.reused"         // Alert: a join token came a second time
	AlertJoin       = "alert.join.refused"        // Alert
)

// Event is one fact.
type Event struct {
	ID        string          `json:"id"` // ULID in lower case, made once where the fact is
	Kind      string          `json:"kind"`
	At        time.Time       `json:"at"`
	Cluster   string          `json:"cluster,omitempty"`
	Node      string          `json:"node,omitempty"`
	AccessKey string          `json:"access_key,omitempty"`
	Transfer  string          `json:"transfer,omitempty"`
	Session   string          `json:"session,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

// Session is the state of a transfer session when the event was made. Counters are absolute, so that a later event supersedes an earlier one.
type Session struct {
	Direction    string    `json:"direction"` // push (towards the node) or pull
	Paths        []string  `json:"paths,omitempty"`
	Peer         string    `json:"peer,omitempty"`
	Policy       string    `json:"policy,omitempty"`
	Cipher       string    `json:"cipher,omitempty"`
	StartedAt    time.Time `json:"started_at"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	RateBps      int64     `json:"rate_bps,omitempty"`
	Bytes        int64     `json:"bytes"`
	BytesTotal   int64     `json:"bytes_total,omitempty"`
	BytesResent  int64     `json:"bytes_resent,omitempty"`
	Files        int64     `json:"files"`
	FilesTotal   int64     `json:"files_total,omitempty"`
	FilesFailed  int64     `json:"files_failed,omitempty"`
	FilesSkipped int64     `json:"files_skipped,omitempty"`
	Moved        bool      `json:"moved,omitempty"` // ended because the node asked it to go on elsewhere
	Code         string    `json:"code,omitempty"`  // why it ended; "" when complete
	Message      string    `json:"message,omitempty"`
}

// Files tells of files that ended in one session.
type Files struct {
	Files []File `json:"files"`
}

// File is the end of one file at its receiver.
type File struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Outcome string `json:"outcome"` // committed, skipped or failed
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Node accompanies node.* events.
type Node struct {
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Remote  string `json:"remote,omitempty"`
	Output  string `json:"output,omitempty"` // the end of what the failed step wrote
}

// Service accompanies node.service.* events.
type Service struct {
	Name     string `json:"name"`
	Detail   string `json:"detail,omitempty"`
	Restarts int    `json:"restarts"`
}

// Alert accompanies alert.* events.
type Alert struct {
	Text   string `json:"text"`
	Remote string `json:"remote,omitempty"`
}

// New makes an event of kind at a time with data as its payload. It panics on data that JSON cannot hold, which is a programming error.
func New(kind string, at time.Time, data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("event " + kind + ": " + err.Error())
	}
	return Event{ID: NewID(at), Kind: kind, At: at.UTC(), Data: raw}
}

// Limits on what Parse takes.
const (
	// MaxSize bounds an encoded event; a batch of files is cut to fit.
	MaxSize = 256 << 10
	// MaxFuture tolerates nodes whose clocks are ahead. Events from further on are refused: they would open history partitions at will.
	MaxFuture = 24 * time.Hour
)

// Parse reads an event from a node and refuses what the journal cannot file. now is the reader's clock.
func Parse(data []byte, now time.Time) (Event, error) {
	var e Event
	if len(data) > MaxSize {
		return e, fmt.Errorf("event of %d bytes is larger than %d", len(data), MaxSize)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("event: %w", err)
	}
	switch {
	case !validID(e.ID):
		return e, fmt.Errorf("event id %.40q is not a ULID", e.ID)
	case !validKind(e.Kind):
		return e, fmt.Errorf("event kind %.80q is malformed", e.Kind)
	case e.At.IsZero() || e.At.Year() < 2020 || e.At.After(now.Add(MaxFuture)):
		return e, fmt.Errorf("event time %s cannot be right", e.At)
	}
	for _, s := range []string{e.Cluster, e.Node, e.AccessKey, e.Transfer, e.Session} {
		if len(s) > 128 || strings.ContainsRune(s, 0) {
			return e, errors.New("event has an id that is too long or holds a zero byte")
		}
	}
	return e, nil
}

func validKind(kind string) bool {
	if kind == "" || len(kind) > 64 {
		return false
	}
	for part := range strings.SplitSeq(kind, ".") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return false
		}
	}
	return true
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID makes a ULID in lower case for a time: 48 bits of milliseconds, 80 of randomness, in Crockford's alphabet.
func NewID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(max(0, at.UnixMilli()))<<16) // not negative
	_, _ = rand.Read(b[6:])                                               // never fails (crypto/rand)
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

func validID(id string) bool {
	return len(id) == 26 && id[0] <= '7' && strings.Trim(id, alphabet) == ""
}
