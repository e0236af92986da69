package local

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// poll is how often we look whether processes have gone; a few system calls.
const poll = 10 * time.Millisecond

// Terminate implements provisioner.Provider: every process of the instance is
// asked, then made to end; then its directory goes. It returns when that is
// done, or with Transient when a process could not be ended.
func (p *Provider) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	results := provisioner.Each(ids, len(ids), func(id string) error { return p.end(ctx, id) })
	p.pruneLogs()
	return results
}

// Stop implements provisioner.Provider.
func (p *Provider) Stop(ctx context.Context, ids []string) []provisioner.Result {
	// All at once: an end may take the whole grace.
	return provisioner.Each(ids, len(ids), func(id string) error {
		p.launching.Lock()
		r, err := p.load("stop", id)
		if err == nil {
			// Intent first: if we die now, the process ends up stopped all the
			// same by the next call, and nobody takes its end for a crash.
			r.Halted = true
			err = p.save(r)
		}
		p.launching.Unlock()
		if err != nil {
			return err
		}
		return p.kill(ctx, "stop", r)
	})
}

// Start implements provisioner.Provider.
func (p *Provider) Start(_ context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, len(ids), func(id string) error {
		p.launching.Lock()
		defer p.launching.Unlock()
		r, err := p.load("start", id)
		if err != nil {
			return err
		}
		if r.Process.alive() && !r.Halted {
			return nil
		}
		if err := p.revive(&r); err != nil {
			return err
		}
		return nil
	})
}

// revive starts the process of an instance that has none. The order is: record
// without a process, process, record with it. A crash after the first leaves a
// pending instance, as a launch would: the next call goes on from there, and a
// process that was started is found by its marker.
func (p *Provider) revive(r *record) error {
	left := members(r.ID, r.Process)
	if r.Process.PID == 0 && !r.Halted {
		if found, ok := leader(left); ok {
			r.Process = found
			return p.save(*r)
		}
	}
	if len(left) > 0 {
		return &provisioner.Error{
			Class: provisioner.Transient, Op: "start", Subject: r.ID,
			RetryAfter: p.config.Grace, Err: errors.New("its processes are still ending"),
		}
	}
	r.Halted, r.Process = false, process{}
	err := p.save(*r)
	if err == nil {
		err = p.spawn(r)
	}
	return machine.Failure("start", r.ID, err)
}

func (p *Provider) end(ctx context.Context, id string) error {
	if !validID(id) {
		return nil // never one of ours, so it is gone
	}
	r, err := p.load("terminate", id)
	if errors.Is(err, provisioner.NotFound) {
		return nil
	}
	if err != nil {
		// Damaged: the directory's name and the marker still say enough.
		p.log.Warn("end a local node without its record", "instance", id, "err", err)
		r = record{ID: id}
	}
	if err := p.kill(ctx, "terminate", r); err != nil {
		return err
	}
	// The record goes first, with the rename: from here on Get says NotFound,
	// and what a crash leaves of the directory has no name of an instance.
	grave := filepath.Join(p.config.Dir, "instances", ".gone-"+id)
	err = os.Rename(p.instanceDir(id), grave)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = os.RemoveAll(grave)
	}
	if err != nil {
		return &provisioner.Error{Class: provisioner.Transient, Op: "terminate", Subject: id, Err: err}
	}
	return nil
}

// kill ends all processes of an instance, also those that left its session but
// still carry the marker.
func (p *Provider) kill(ctx context.Context, op string, r record) error {
	deadline := time.Now().Add(p.config.Grace)
	send(r, syscall.SIGTERM)
	// SIGKILL needs no consent, only the kernel's time: bounded all the same.
	for limit := deadline.Add(5 * time.Second); ; {
		if len(members(r.ID, r.Process)) == 0 {
			p.awaitReaped(r.Process.PID)
			return nil
		}
		now := time.Now()
		if now.After(limit) {
			return &provisioner.Error{
				Class: provisioner.Transient, Op: op, Subject: r.ID,
				Err: errors.New("a process does not end even when killed"),
			}
		}
		if now.After(deadline) {
			send(r, syscall.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// send signals every process of an instance, one by one: a number that was
// used again meanwhile is left alone.
func send(r record, s syscall.Signal) {
	for _, member := range members(r.ID, r.Process) {
		member.signal(s)
	}
}

func (p *Provider) awaitReaped(pid int) {
	p.mutex.Lock()
	done := p.children[pid]
	p.mutex.Unlock()
	if done != nil {
		<-done // the process is dead: this is one scheduling away
	}
}

// pruneLogs keeps the logs of living instances and of the last few ended ones,
// and clears what crashed launches and ends left behind.
func (p *Provider) pruneLogs() {
	names, err := filepath.Glob(filepath.Join(p.config.Dir, "logs", "local-*.log"))
	if err != nil {
		return
	}
	sort.Strings(names)
	var ended []string
	for _, name := range names {
		id := strings.TrimSuffix(filepath.Base(name), ".log")
		if _, err := os.Stat(p.instanceDir(id)); errors.Is(err, os.ErrNotExist) {
			ended = append(ended, name)
		}
	}
	for _, name := range ended[:max(0, len(ended)-p.config.KeepLogs)] {
		_ = os.Remove(name)
	}
	graves, _ := filepath.Glob(filepath.Join(p.config.Dir, "instances", ".gone-*"))
	for _, grave := range graves {
		_ = os.RemoveAll(grave)
	}
}

// tail reads the last part of a file.
func tail(file *os.File, limit int64) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Transient, Op: "console", Err: err}
	}
	offset := max(0, info.Size()-limit)
	raw, err := io.ReadAll(io.NewSectionReader(file, offset, limit))
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Transient, Op: "console", Err: err}
	}
	return raw, nil
}
