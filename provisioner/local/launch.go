package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Launch implements provisioner.Provider. The order is: record, bootstrap,
// process, record again. A crash after any of them is healed by the next
// Launch with the same token, or swept by owner.
func (p *Provider) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	if err := request.Check(); err != nil {
		return none, err
	}
	spec, faults := parse(request.Spec)
	if err := request.Blame(append(faults, p.programFault(spec)...)); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}

	p.launching.Lock()
	defer p.launching.Unlock()
	r, known, err := p.byToken(request)
	if err != nil {
		return none, err
	}
	if !known {
		r = newRecord(request, spec)
		if err := p.prepare(r); err != nil {
			return none, machine.Failure("launch", request.NodeID, err)
		}
	}
	if r.Process.PID == 0 && !r.Halted {
		if err := p.boot(&r, request, spec); err != nil {
			return none, machine.Failure("launch", request.NodeID, err)
		}
	}
	return r.describe(), nil
}

// byToken finds the instance that an earlier call with this token made.
func (p *Provider) byToken(request provisioner.LaunchRequest) (record, bool, error) {
	records, err := p.all()
	if err != nil {
		return record{}, false, err
	}
	for _, r := range records {
		if r.ClientToken == request.ClientToken && r.Owner == request.Owner {
			return r, true, nil
		}
	}
	return record{}, false, nil
}

func newRecord(request provisioner.LaunchRequest, spec Spec) record {
	now := time.Now()
	tags := map[string]string{}
	for _, set := range []map[string]string{spec.Tags, request.Tags} {
		for key, value := range set {
			tags[key] = value
		}
	}
	return record{
		ID: newID(now), ClientToken: request.ClientToken, NodeID: request.NodeID, Owner: request.Owner,
		LaunchedAt: now.UTC(), ListenHost: spec.ListenHost, Advertise: spec.AdvertiseHost, Tags: tags,
		Program: spec.Program,
	}
}

// prepare puts the tagged directory in place in one step: List sees either
// nothing or an instance with its owner.
func (p *Provider) prepare(r record) error {
	parent := filepath.Join(p.config.Dir, "instances")
	temporary, err := os.MkdirTemp(parent, ".launch-*")
	if err != nil {
		return err
	}
	err = os.Mkdir(filepath.Join(temporary, "data"), 0o700)
	if err == nil {
		err = writeJSON(filepath.Join(temporary, recordFile), r)
	}
	if err == nil {
		err = os.Rename(temporary, p.instanceDir(r.ID))
	}
	if err != nil {
		_ = os.RemoveAll(temporary)
	}
	return err
}

// boot starts the process of a prepared instance, unless a manager that died
// before it could write so has started it already.
func (p *Provider) boot(r *record, request provisioner.LaunchRequest, spec Spec) error {
	if found, ok := leader(members(r.ID, process{})); ok {
		r.Process = found
		return p.save(*r)
	}
	if err := writeJSON(p.bootstrapPath(r.ID), bootstrapFile{
		Bootstrap: request.Bootstrap, DataDir: filepath.Join(p.instanceDir(r.ID), "data"),
		ListenHost: spec.ListenHost, AdvertiseHost: spec.AdvertiseHost,
		SendCapMbps: spec.Node.SendCapMbps, ReceiveCapMbps: spec.Node.ReceiveCapMbps,
		SessionRateMbps: spec.Node.SessionRateMbps, MaxSessions: spec.Node.MaxSessions,
		ReportIntervalS: spec.ReportIntervalS,
		LeaseFile:       p.LeaseFile(), LeaseTimeoutS: int(max(p.config.LeaseTimeout/time.Second, 1)),
		InstanceID: r.ID,
	}); err != nil {
		return err
	}
	return p.spawn(r)
}

func (p *Provider) bootstrapPath(id string) string {
	return filepath.Join(p.instanceDir(id), "bootstrap.json")
}

// spawn starts the node in a session of its own, its output straight into a
// file: a pipe would break, and end the node, when the manager dies.
func (p *Provider) spawn(r *record) error {
	program, err := p.program(r.Program)
	if err != nil {
		return err
	}
	console, err := os.OpenFile(p.logFile(r.ID), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }()
	arguments := append(append([]string{}, p.config.Command[1:]...), "--bootstrap", p.bootstrapPath(r.ID))
	//nolint:gosec,noctx // the operator's own node program; it must outlive this call and this manager
	command := exec.Command(program, arguments...)
	command.Dir = p.instanceDir(r.ID)
	command.Env = append(environment(), p.config.Env...)
	command.Env = append(command.Env, marker+"="+r.ID)
	command.Stdout, command.Stderr = console, console
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the node program: %w", err)
	}
	started, err := inspect(command.Process.Pid)
	p.reap(command)
	if err != nil {
		return fmt.Errorf("look at the node's process: %w", err)
	}
	r.Process, r.Halted = started, false
	return p.save(*r)
}

// environment is the manager's without its secrets: a node needs none.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "GODWIT_") || name == "DATABASE_URL" || strings.HasPrefix(name, "PG") {
			continue
		}
		kept = append(kept, variable)
	}
	return kept
}

// reap waits for a child, so that it leaves no zombie whenever it ends.
func (p *Provider) reap(command *exec.Cmd) {
	done := make(chan struct{})
	pid := command.Process.Pid
	p.mutex.Lock()
	p.children[pid] = done
	p.mutex.Unlock()
	go func() {
		err := command.Wait()
		p.log.Debug("local node ended", "pid", pid, "state", command.ProcessState.String(), "err", err)
		p.mutex.Lock()
		delete(p.children, pid)
		p.mutex.Unlock()
		close(done)
	}()
}

// machine understands the operating system's refusals: a full disk or process
// table is this machine's capacity.
var machine provisioner.Vendor = func(err error) provisioner.Answer {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return provisioner.Answer{Class: provisioner.Capacity}
	case errors.Is(err, syscall.EDQUOT):
		return provisioner.Answer{Class: provisioner.Quota}
	case errors.Is(err, os.ErrPermission):
		return provisioner.Answer{Class: provisioner.Unauthorized}
	}
	return provisioner.Answer{Class: provisioner.Transient}
}
