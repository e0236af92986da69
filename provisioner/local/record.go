package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/godwit/godwit/internal/atomicfile"
	"github.com/godwit/godwit/provisioner"
)

// record is instance.json: the tag that makes an instance ours, written before
// its process starts and again once the process is known.
type record struct {
	ID          string            `json:"id"`
	ClientToken string            `json:"client_token"`
	NodeID      string            `json:"node_id"`
	Owner       provisioner.Owner `json:"owner"`
	LaunchedAt  time.Time         `json:"launched_at"`
	ListenHost  string            `json:"listen_host"`
	Advertise   string            `json:"advertise_host"`
	Tags        map[string]string `json:"tags,omitempty"`
	Program     string            `json:"program,omitempty"` // of the template
	// Halted: stopped on demand, not by itself.
	Halted  bool    `json:"halted,omitempty"`
	Process process `json:"process"`
}

const recordFile = "instance.json"

func (p *Provider) instanceDir(id string) string {
	return filepath.Join(p.config.Dir, "instances", id)
}

func (p *Provider) logFile(id string) string {
	return filepath.Join(p.config.Dir, "logs", id+".log")
}

// validID keeps names from outside from leaving our directories.
func validID(id string) bool {
	rest, ok := strings.CutPrefix(id, "local-")
	return ok && len(rest) == 26 && strings.Trim(rest, crockford) == ""
}

// load reads one record; NotFound when there is no such instance.
func (p *Provider) load(op, id string) (record, error) {
	if !validID(id) {
		return record{}, &provisioner.Error{Class: provisioner.NotFound, Op: op, Subject: id}
	}
	raw, err := os.ReadFile(filepath.Join(p.instanceDir(id), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, &provisioner.Error{Class: provisioner.NotFound, Op: op, Subject: id}
	}
	if err != nil {
		return record{}, &provisioner.Error{Class: provisioner.Transient, Op: op, Subject: id, Err: err}
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil || r.ID != id {
		return record{}, &provisioner.Error{
			Class: provisioner.Transient, Op: op, Subject: id,
			Err: fmt.Errorf("damaged record %s", filepath.Join(p.instanceDir(id), recordFile)),
		}
	}
	return r, nil
}

// all returns every readable record in order of id, which is order of launch.
func (p *Provider) all() ([]record, error) {
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, "instances"))
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Transient, Op: "list", Err: err}
	}
	var records []record
	for _, entry := range entries {
		if !validID(entry.Name()) {
			continue
		}
		r, err := p.load("list", entry.Name())
		if errors.Is(err, provisioner.NotFound) {
			continue // ended while we looked
		}
		if err != nil {
			// One damaged record must not hide all other instances.
			p.log.Error("skip a local instance", "instance", entry.Name(), "err", err)
			continue
		}
		records = append(records, r)
	}
	sort.Slice(records, func(i, j int) bool { return records[i].ID < records[j].ID })
	return records, nil
}

// save replaces the record as a whole, so that no reader meets half of one.
func (p *Provider) save(r record) error {
	return writeJSON(filepath.Join(p.instanceDir(r.ID), recordFile), r)
}

func writeJSON(path string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(raw, '\n'))
}

// describe turns a record into the contract's view of it.
func (r record) describe() provisioner.Instance {
	instance := provisioner.Instance{
		ID: r.ID, ClientToken: r.ClientToken, NodeID: r.NodeID, Owner: r.Owner,
		PrivateAddresses: []string{r.ListenHost}, PublicAddresses: []string{r.Advertise},
		LaunchedAt: r.LaunchedAt, Tags: r.Tags, Type: "process",
	}
	alive := r.Process.alive()
	switch {
	case alive && r.Halted:
		instance.State, instance.Detail = provisioner.Stopping, "stopped on demand"
	case alive:
		instance.State = provisioner.Running
		instance.Detail = fmt.Sprintf("process %d", r.Process.PID)
	case r.Halted:
		instance.State, instance.Detail = provisioner.Stopped, "stopped on demand"
	case r.Process.PID == 0:
		instance.State, instance.Detail = provisioner.Pending, "process not started yet"
	default:
		instance.State = provisioner.Stopped
		instance.Detail = fmt.Sprintf("process %d ended by itself", r.Process.PID)
	}
	return instance
}
