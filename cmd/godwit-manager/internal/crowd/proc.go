package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks a second: USER_HZ, which is 100 on every Linux that Go runs on.
const ticks = 100

// spent is processor time in seconds, and resident memory of the manager in
// bytes.
type spent struct {
	manager, postgres, crowd float64
	resident                 int64
}

// usage reads what the manager, the processes below it (its Postgres) and the
// crowd have used so far.
func usage(manager, crowd int) spent {
	var out spent
	parents, used := map[int]int{}, map[int]float64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, file := range files {
		p, ok := readStat(file)
		if !ok {
			continue // it ended meanwhile
		}
		parents[p.pid], used[p.pid] = p.parent, p.seconds
		if p.pid == manager {
			out.resident = p.resident
		}
	}
	out.manager, out.crowd = used[manager], used[crowd]
	for pid, seconds := range used {
		for up := parents[pid]; up > 1; up = parents[up] {
			if up == manager {
				out.postgres += seconds
				break
			}
		}
	}
	return out
}

// stat is what is read of a process; see proc(5) for the fields.
type stat struct {
	pid, parent int
	seconds     float64
	resident    int64
}

func readStat(file string) (stat, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return stat{}, false
	}
	head, rest, found := strings.Cut(string(data), " (")
	_, rest, ended := strings.Cut(rest, ") ")
	fields := strings.Fields(rest)
	if !found || !ended || len(fields) < 22 {
		return stat{}, false
	}
	number := func(s string) int64 {
		n, _ := strconv.ParseInt(s, 10, 64) // the kernel writes numbers
		return n
	}
	return stat{
		pid: int(number(head)), parent: int(number(fields[1])),
		seconds:  float64(number(fields[11])+number(fields[12])) / ticks,
		resident: number(fields[21]) * int64(os.Getpagesize()),
	}, true
}
