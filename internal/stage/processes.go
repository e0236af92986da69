package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/statestore/private"
)

// KillInstance ends every process of an instance at once, as a power cut would.
func KillInstance(instance string) error {
	pids := processesWith(func(p processFacts) bool { return strings.Contains(p.arguments+p.directory, instance) })
	if len(pids) == 0 {
		return fmt.Errorf("instance %s has no process", instance)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill -9 %d: %w", pid, err)
		}
	}
	return nil
}

// processFacts are what tells whose a process is.
type processFacts struct {
	pid                              int
	arguments, directory, executable string
}

// Processes finds the processes that were started for the stage in dir: their
// arguments or working directory lie below it, or below the place where its
// Postgres keeps its data.
func Processes(dir string) []int {
	places := []string{dir}
	if data, err := private.Locate(filepath.Join(dir, "data")); err == nil {
		places = append(places, data)
	}
	parent := os.Getppid()
	return processesWith(func(p processFacts) bool {
		if p.pid == parent {
			return false
		}
		base := filepath.Base(p.executable)
		if !strings.HasPrefix(base, "godwit") && base != "postgres" {
			return false // an editor or shell that looks at the files
		}
		return slices.ContainsFunc(places, func(place string) bool {
			return strings.Contains(p.arguments, place+"/") || p.directory == place || strings.HasPrefix(p.directory, place+"/")
		})
	})
}

func processesWith(want func(processFacts) bool) []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		at := filepath.Join("/proc", e.Name())
		args, err := os.ReadFile(filepath.Join(at, "cmdline"))
		if err != nil || len(args) == 0 {
			continue // gone, a zombie or the kernel's
		}
		cwd, _ := os.Readlink(filepath.Join(at, "cwd"))
		exe, _ := os.Readlink(filepath.Join(at, "exe"))
		if want(processFacts{pid, strings.ReplaceAll(string(args), "\x00", " "), cwd, exe}) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// EndAll kills what is left of a stage in dir and returns how many there were.
func EndAll(dir string) int {
	left := Processes(dir)
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for range 50 {
		if len(Processes(dir)) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return len(left)
}
