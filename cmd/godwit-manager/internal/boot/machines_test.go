package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/cloudinit"
)

// machines is a cloud of containers that boot: each has systemd as its first
// process, a network of its own, a disk over the shared root file system, and
// gets its user data as NoCloud does.
type machines struct {
	dir string
	log *slog.Logger

	mutex sync.Mutex
	all   map[string]*machine
}

// machine is one container.
type machine struct {
	provisioner.Instance
	dir   string
	cmd   *exec.Cmd
	gone  chan struct{} // its processes have ended and its network is away
	ended bool          // its end was asked for
}

func newMachines(dir string, log *slog.Logger) *machines {
	return &machines{dir: dir, log: log, all: map[string]*machine{}}
}

func (m *machines) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: "nspawn", SharedMachine: true}
}

type spec struct {
	Provider string `json:"provider"`
	// Share is a directory that nodes see as /srv/storage.
	Share string `json:"share"`
	cloudinit.Spec
}

func (m *machines) Validate(_ context.Context, raw json.RawMessage) ([]provisioner.FieldError, error) {
	var s spec
	if faults := provisioner.DecodeTemplate(raw, &s, "an nspawn template"); faults != nil {
		return faults, nil
	}
	return s.Faults(), nil
}

func (m *machines) Launch(_ context.Context, r provisioner.LaunchRequest) (provisioner.Instance, error) {
	var s spec
	if err := json.Unmarshal(r.Spec, &s); err != nil {
		return provisioner.Instance{}, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Err: err}
	}
	data, err := cloudinit.Render(cloudinit.NoCloud, r.Bootstrap, s.Spec)
	if err != nil {
		return provisioner.Instance{}, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Err: err}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, known := range m.all {
		if known.ClientToken == r.ClientToken {
			return known.Instance, nil
		}
	}
	n := len(m.all) + 1
	address := fmt.Sprintf("10.77.0.%d", 9+n)
	it := &machine{dir: filepath.Join(m.dir, fmt.Sprintf("boot%d", n)), gone: make(chan struct{}), Instance: provisioner.Instance{
		ID: fmt.Sprintf("boot%d", n), ClientToken: r.ClientToken, NodeID: r.NodeID, Owner: r.Owner, State: provisioner.Running,
		PrivateAddresses: []string{address}, LaunchedAt: time.Now().UTC(), Tags: r.Tags,
	}}
	if err := m.start(it, n, address, s, data); err != nil {
		return provisioner.Instance{}, &provisioner.Error{Class: provisioner.Transient, Op: "launch", Subject: it.ID, Err: err}
	}
	m.all[it.ID] = it
	return it.Instance, nil
}

// start lays out the disk and the network, and boots.
func (m *machines) start(it *machine, n int, address string, s spec, userData []byte) error {
	files := map[string]string{
		"var/lib/cloud/seed/nocloud/user-data": string(userData),
		"var/lib/cloud/seed/nocloud/meta-data": "instance-id: " + it.ID + "\nlocal-hostname: " + it.ID + "\n",
		"etc/cloud/cloud.cfg.d/96_network.cfg": "network: {config: disabled}\n",
		"etc/cloud/cloud.cfg.d/97_locale.cfg":  "locale: C.UTF-8\n",
	}
	for name, content := range files {
		path := filepath.Join(it.dir, "upper", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"work", "root"} {
		if err := os.MkdirAll(filepath.Join(it.dir, name), 0o755); err != nil {
			return err
		}
	}
	root, cgroup := filepath.Join(it.dir, "root"), "/sys/fs/cgroup/"+it.ID
	overlay := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", rootFS, it.dir, it.dir)
	if err := syscall.Mount("overlay", root, "overlay", 0, overlay); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	link := fmt.Sprintf("v%d", n)
	for _, args := range [][]string{
		{"netns", "add", it.ID},
		{"link", "add", link, "type", "veth", "peer", "name", "host0", "netns", it.ID},
		{"link", "set", link, "master", "boot0", "up"},
		{"-n", it.ID, "address", "add", address + "/24", "dev", "host0"},
		{"-n", it.ID, "link", "set", "lo", "up"},
		{"-n", it.ID, "link", "set", "host0", "up"},
		{"-n", it.ID, "route", "add", "default", "via", bridge},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	var hardware []string
	remove := func() error { return nil }
	if s.SwapVolumeGB > 0 {
		disk, away, err := emptyDisk(s.SwapVolumeGB)
		if err != nil {
			return err
		}
		// A machine of its own may turn swap on; a container must be let.
		hardware, remove = []string{"--bind=" + disk, "--system-call-filter=@swap"}, away
	}
	console, err := os.Create(filepath.Join(it.dir, "console"))
	if err != nil {
		return err
	}
	defer console.Close()
	// nspawn wants a control group that is its own.
	it.cmd = exec.Command("sh", append([]string{
		"-c", `mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && exec "$@"`, cgroup,
		"systemd-nspawn", "-q", "-D", root, "--boot", "--register=no", "--keep-unit", "--machine=" + it.ID, "--console=read-only",
		"--network-namespace-path=/run/netns/" + it.ID, "--bind=" + s.Share + ":/srv/storage",
	}, hardware...)...)
	it.cmd.Stdout, it.cmd.Stderr = console, console
	if err := it.cmd.Start(); err != nil {
		return errors.Join(err, remove())
	}
	go func() {
		_ = it.cmd.Wait() // how it ends is in the console
		if err := syscall.Unmount(root, 0); err != nil {
			m.log.Error("disk of a machine stays", "machine", it.ID, "error", err)
		}
		if err := remove(); err != nil {
			m.log.Error("swap volume of a machine stays", "machine", it.ID, "error", err)
		}
		_ = exec.Command("ip", "netns", "delete", it.ID).Run()
		m.mutex.Lock()
		it.State = provisioner.Stopped
		m.mutex.Unlock()
		close(it.gone)
	}()
	return nil
}

func (m *machines) Get(_ context.Context, id string) (provisioner.Instance, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	it := m.all[id]
	if it == nil || it.ended && it.State == provisioner.Stopped {
		return provisioner.Instance{}, &provisioner.Error{Class: provisioner.NotFound, Op: "get", Subject: id}
	}
	return it.Instance, nil
}

func (m *machines) List(_ context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var out []provisioner.Instance
	for _, it := range m.all {
		if owner.Owns(it.Owner) && (!it.ended || it.State != provisioner.Stopped) {
			out = append(out, it.Instance)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

// Terminate shuts machines down as a cloud does: they may stop their services.
func (m *machines) Terminate(_ context.Context, ids []string) []provisioner.Result {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	out := make([]provisioner.Result, len(ids))
	for i, id := range ids {
		out[i].ID = id
		if it := m.all[id]; it != nil && !it.ended {
			it.ended = true
			if it.State == provisioner.Running {
				it.State = provisioner.Terminating
			}
			go it.end()
		}
	}
	return out
}

func (it *machine) end() {
	_ = it.cmd.Process.Signal(syscall.SIGTERM) // gone already, else
	select {
	case <-it.gone:
	case <-time.After(20 * time.Second):
		_ = it.cmd.Process.Kill()
	}
}

func (m *machines) close() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, it := range m.all {
		_ = it.cmd.Process.Kill() // gone already, else
	}
}

func (m *machines) Stop(context.Context, []string) []provisioner.Result  { return nil }
func (m *machines) Start(context.Context, []string) []provisioner.Result { return nil }

func (m *machines) Console(_ context.Context, id string) ([]byte, error) {
	m.mutex.Lock()
	it := m.all[id]
	m.mutex.Unlock()
	if it == nil {
		return nil, &provisioner.Error{Class: provisioner.NotFound, Op: "console", Subject: id, Err: errors.New("never was")}
	}
	text, err := os.ReadFile(filepath.Join(it.dir, "console"))
	return text[max(0, len(text)-provisioner.ConsoleLimit):], err
}
