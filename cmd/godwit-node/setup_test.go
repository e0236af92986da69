package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

// asNode makes this test binary behave as godwit-node, so that tests run real processes of the code under test, with its race detector when it has one.
const asNode = "GODWIT_NODE_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asNode) != "" {
		main()
	}
	os.Exit(m.Run())
}

// rig is a manager whose nodes are real processes.
type rig struct {
	*fleettest.Manager
	t       *testing.T
	signer  ed25519.PrivateKey
	client  ed25519.PrivateKey // key of the client that tokens are bound to
	storage string             // of the one tenant
	secret  string             // of its access key

	mu    sync.Mutex
	ended map[string]bool // transfers that are over
}

const tenant = "acme"

func newRig(t *testing.T, change ...func(*fleettest.Manager)) *rig {
	t.Helper()
	r := &rig{t: t, storage: t.TempDir(), secret: "correct horse", ended: map[string]bool{}}
	public, private, err := ed25519.GenerateKey(nil)
	fleettest.Must(t, err)
	_, r.client, err = ed25519.GenerateKey(nil)
	fleettest.Must(t, err)
	r.signer = private
	keys, err := json.Marshal(token.Keys{"k1": public})
	fleettest.Must(t, err)
	r.Manager = fleettest.Start(t, func(m *fleettest.Manager) {
		for _, f := range change {
			f(m)
		}
		m.Settings = func(s *identity.Settings) {
			s.TokenKeys = keys
			s.Config, err = json.Marshal(command.Config{Version: 1, ClusterID: m.Cluster.ID, NodeName: "n"})
			if err != nil {
				t.Error(err)
			}
		}
		m.OnFleet = func(f *fleet.Fleet) {
			if err := f.Handle(command.MethodTenant, r.tenant); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

func (r *rig) tenant(_ context.Context, _ string, data []byte) (any, error) {
	var req command.TenantRequest
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, err
	}
	if req.AccessKey != tenant {
		return nil, command.Errorf(command.CodeNotFound, "no such access key")
	}
	storage, err := json.Marshal(command.Storage{Type: "local", Path: r.storage})
	verifier := transfer.AccessKeyVerifier(r.secret)
	r.mu.Lock()
	defer r.mu.Unlock()
	return command.Tenant{
		AccessKey: tenant, Storage: storage, Permissions: []string{"read", "write", "list"}, Verifiers: [][]byte{verifier[:]}, TransferEnded: r.ended[req.Transfer],
	}, err
}

// process is a running godwit-node.
type process struct {
	*exec.Cmd
	join.Bootstrap
	t    *testing.T
	done chan struct{}
	code int
}

// start launches a node and waits until its service is healthy in the index.
func (r *rig) start(change ...func(*join.Bootstrap)) *process {
	r.t.Helper()
	b := r.Node(time.Hour)
	for _, f := range change {
		f(&b)
	}
	p := r.launch(b)
	r.healthy(p)
	return p
}

func (r *rig) launch(b join.Bootstrap) *process {
	r.t.Helper()
	data, err := json.Marshal(b)
	fleettest.Must(r.t, err)
	file := filepath.Join(r.t.TempDir(), "bootstrap.json")
	fleettest.Must(r.t, os.WriteFile(file, data, 0o600))
	self, err := os.Executable()
	fleettest.Must(r.t, err)
	p := &process{Cmd: exec.Command(self, "run", "--verbose", "--bootstrap", file), Bootstrap: b, t: r.t, done: make(chan struct{})}
	p.Env = append(os.Environ(), asNode+"=1")
	p.Stdout, p.Stderr = r.t.Output(), r.t.Output()
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	fleettest.Must(r.t, p.Start())
	go func() {
		defer close(p.done)
		var exit *exec.ExitError
		if err := p.Cmd.Wait(); errors.As(err, &exit) {
			p.code = exit.ExitCode()
		} else if err != nil {
			p.code = -2
		}
	}()
	r.t.Cleanup(func() {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.done
	})
	return p
}

func (r *rig) healthy(p *process) {
	r.t.Helper()
	fleettest.Eventually(r.t, "node "+p.NodeID+" reports healthy", func() bool {
		v, ok := r.Fleet.Node(p.NodeID)
		return ok && v.Healthy()
	})
}

// exit waits for the process to end by itself and returns its code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.code
	case <-time.After(fleettest.Patience):
		p.t.Fatal("node does not end")
		return -1
	}
}

// child returns the process id of the transfer service, 0 when there is none.
func (p *process) child() int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		data, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		// pid (comm) state ppid …; comm may hold anything, so what follows its last parenthesis counts.
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(p.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(s)))
			return pid
		}
	}
	return 0
}

// alive tells whether a process is there and not a zombie.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(data[strings.LastIndexByte(string(data), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

// transfer makes a transfer's row and a client's way to it.
func (r *rig) transfer(d transfer.Direction, node *process) (string, *transfer.Client) {
	r.t.Helper()
	direction := statestore.DirectionSend
	if d == transfer.Pull {
		direction = statestore.DirectionReceive
	}
	row, err := r.Store.Transfers.Create(r.t.Context(), statestore.Transfer{AccessKeyID: tenant, ClusterID: r.Cluster.ID, Direction: direction})
	fleettest.Must(r.t, err)
	return row.ID, &transfer.Client{Key: r.client, Specs: func(context.Context, transfer.Attempt) (transfer.Spec, error) {
		return r.spec(row.ID, d, r.client, node), nil
	}}
}

func (r *rig) spec(id string, d transfer.Direction, holder ed25519.PrivateKey, p *process) transfer.Spec {
	r.t.Helper()
	signed, err := token.Sign("k1", r.signer, token.Claims{
		ID: statestore.NewID(), Cluster: r.Cluster.ID, Tenant: tenant, Transfer: id, Direction: string(d), Permissions: []string{"read", "write", "list"},
		ClientKey: holder.Public().(ed25519.PublicKey), IssuedAt: time.Now().Unix(), ExpiresAt: time.Now().Add(time.Hour).Unix(), //nolint:forcetypeassert // it is one
	})
	if err != nil {
		r.t.Error(err)
	}
	s := r.address(p)
	s.TransferID, s.Token, s.Direction = id, signed, d
	return s
}

// address is where a node serves, by its latest report.
func (r *rig) address(p *process) transfer.Spec {
	s := transfer.Spec{Version: transfer.SpecVersion, NodeID: p.NodeID, Host: "127.0.0.1", Port: 1}
	if v, ok := r.Fleet.Node(p.NodeID); ok {
		s.Port, s.CertSHA256 = int(v.Facts.GetTransferPort()), v.Facts.GetServingSha256()
	}
	return s
}

// file makes a file of size bytes.
func file(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "footage.bin")
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	fleettest.Must(t, os.WriteFile(path, data, 0o600))
	return path
}

func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	fleettest.Must(t, err)
	y, err := os.ReadFile(b)
	fleettest.Must(t, err)
	if string(x) != string(y) {
		t.Errorf("%s and %s differ", a, b)
	}
}

// eventKinds returns the kinds that history holds for a node.
func (r *rig) eventKinds(node string) map[string]int {
	r.t.Helper()
	l, err := r.Store.Journal.List(r.t.Context(), statestore.JournalFilter{NodeID: node}, statestore.Page{Limit: 1000})
	fleettest.Must(r.t, err)
	out := map[string]int{}
	for _, e := range l.Items {
		out[e.Kind]++
	}
	return out
}

func dialable(port int) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}
