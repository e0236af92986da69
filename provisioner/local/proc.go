package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// marker is the environment variable by which a process, and every child that
// keeps its environment, says which instance it belongs to.
const marker = "GODWIT_INSTANCE"

// process names one process for as long as this computer is up: ids are used
// again, but not with the same start time and boot.
type process struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"` // since boot, /proc/PID/stat field 22
	Boot       string `json:"boot"`        // /proc/sys/kernel/random/boot_id
}

var bootID = sync.OnceValue(func() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
})

// inspect describes a running process.
func inspect(pid int) (process, error) {
	now, err := look(pid)
	if err != nil {
		return process{}, err
	}
	return process{PID: pid, StartTicks: now.ticks, Boot: bootID()}, nil
}

// alive reports whether the very process still runs. A zombie does not: it
// only waits for someone to read its exit code.
func (p process) alive() bool {
	if p.PID <= 0 || p.Boot != bootID() {
		return false
	}
	now, err := look(p.PID)
	return err == nil && now.ticks == p.StartTicks && !now.dead()
}

// status is what the kernel says of a process.
type status struct {
	state   byte
	session int
	ticks   uint64
}

func (s status) dead() bool { return s.state == 'Z' || s.state == 'X' }

func look(pid int) (status, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return status{}, err
	}
	return parseStat(raw)
}

// parseStat reads /proc/PID/stat. The command's name may hold spaces and
// brackets, so fields count from the last bracket; numbers as in proc(5).
func parseStat(raw []byte) (status, error) {
	const first, state, session, start = 3, 3, 6, 22
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return status{}, errors.New("process status without a name")
	}
	fields := bytes.Fields(raw[end+1:])
	if len(fields) <= start-first || len(fields[state-first]) != 1 {
		return status{}, errors.New("process status cut short")
	}
	if letter := fields[state-first][0] | 0x20; letter < 'a' || letter > 'z' {
		return status{}, errors.New("process status without a state")
	}
	sid, err := strconv.Atoi(string(fields[session-first]))
	if err != nil {
		return status{}, fmt.Errorf("process session: %w", err)
	}
	ticks, err := strconv.ParseUint(string(fields[start-first]), 10, 64)
	if err != nil {
		return status{}, fmt.Errorf("process start time: %w", err)
	}
	return status{state: fields[state-first][0], session: sid, ticks: ticks}, nil
}

// members returns the living processes of an instance by asking the kernel,
// the truth also when a record was never written: those that carry its marker,
// and those of its node's session. A session outlives its leader and keeps the
// number from being used again, so the number is ours unless another process
// bears it.
func members(id string, node process) []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	session := 0
	if node.PID > 0 && node.Boot == bootID() {
		if now, err := look(node.PID); err != nil || now.ticks == node.StartTicks {
			session = node.PID
		}
	}
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		now, err := look(pid)
		if err != nil || now.dead() {
			continue
		}
		if (session != 0 && now.session == session) || carries(pid, id) {
			found = append(found, process{PID: pid, StartTicks: now.ticks, Boot: bootID()})
		}
	}
	return found
}

func carries(pid int, id string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	want := []byte(marker + "=" + id)
	for variable := range bytes.SplitSeq(raw, []byte{0}) {
		if bytes.Equal(variable, want) {
			return true
		}
	}
	return false
}

// leader returns the one of an instance's processes that leads its session:
// the node itself and not a child of it.
func leader(processes []process) (process, bool) {
	for _, p := range processes {
		if group, err := syscall.Getpgid(p.PID); err == nil && group == p.PID {
			return p, true
		}
	}
	return process{}, false
}

// signal sends to exactly this process: the handle is taken before the check,
// so the id can't change its bearer in between.
func (p process) signal(s syscall.Signal) {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return
	}
	defer func() { _ = handle.Release() }()
	if p.alive() {
		_ = handle.Signal(s) // gone meanwhile is what we want
	}
}
