// Package meter measures what a node uses of its machine. Where the system does not tell, figures are zero.
package meter

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time, user and system, that this process has used since its start.
func CPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Memory returns the resident bytes of this process.
func Memory() uint64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize()) // positive
}

// Machine measures the busy share of all cores between two calls. It is not safe for concurrent use.
type Machine struct{ busy, total uint64 }

// Share returns the busy share since the last call, 0–1, and 0 the first time.
func (m *Machine) Share() float64 {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	busy, total, ok := parseStat(data)
	if !ok {
		return 0
	}
	last := *m
	m.busy, m.total = busy, total
	if last.total == 0 || total <= last.total || busy < last.busy {
		return 0
	}
	return float64(busy-last.busy) / float64(total-last.total)
}

// parseStat sums the first line of /proc/stat: user nice system idle iowait irq softirq steal; guest times are in user already.
func parseStat(data []byte) (busy, total uint64, ok bool) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 5 || string(fields[0]) != "cpu" {
		return 0, 0, false
	}
	for i, f := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		total += n
		if i != 3 && i != 4 { // idle, iowait
			busy += n
		}
	}
	return busy, total, true
}

// Share converts processor time used over an interval to a share of all cores, 0–1.
func Share(used, over time.Duration) float64 {
	if over <= 0 || used <= 0 {
		return 0
	}
	return min(1, float64(used)/float64(over)/float64(runtime.NumCPU()))
}
