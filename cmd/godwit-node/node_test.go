package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

func TestNodeServesItsTenantAndHistoryKnows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	source := file(t, 3<<20)
	id, client := r.transfer(transfer.Push, p)
	result, err := client.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in/"})
	fleettest.Must(t, err)
	if result.Files != 1 {
		t.Errorf("pushed %+v", result)
	}
	same(t, source, filepath.Join(r.storage, "in", "footage.bin"))
	fleettest.Eventually(t, "transfer done in history", func() bool {
		row, err := r.Store.Transfers.Get(t.Context(), id)
		fleettest.Must(t, err)
		return row.State == statestore.TransferDone && row.Bytes >= 3<<20 && row.Files == 1 && row.Sessions == 1
	})
	kinds := r.eventKinds(p.NodeID)
	for _, k := range []string{event.NodeStarted, event.SessionStarted, event.FilesEnded, event.SessionEnded} {
		if kinds[k] != 1 {
			t.Errorf("history has %d of %s: %v", kinds[k], k, kinds)
		}
	}
	fleettest.Eventually(t, "totals in the report", func() bool {
		v, _ := r.Fleet.Node(p.NodeID)
		return v.Facts.GetBytesReceived() >= 3<<20 && v.Facts.GetFilesDone() == 1 && v.Facts.GetMemoryBytes() > 0 && v.Facts.GetSpoolEvents() == 0
	})
	_, puller := r.transfer(transfer.Pull, p)
	back := t.TempDir()
	_, err = puller.Run(t.Context(), transfer.Job{Direction: transfer.Pull, Sources: []string{"in/footage.bin"}, Destination: back + "/"})
	fleettest.Must(t, err)
	same(t, source, filepath.Join(back, "footage.bin"))
}

func TestNodeRefusesWhomItShould(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	source := file(t, 1000)
	_, thief, err := ed25519.GenerateKey(nil)
	fleettest.Must(t, err)
	try := func(name string, want transfer.Code, key ed25519.PrivateKey, change func(*transfer.Spec)) {
		t.Helper()
		id, client := r.transfer(transfer.Push, p)
		s := r.spec(id, transfer.Push, r.client, p)
		change(&s)
		client.Key = key
		client.Specs = func(_ context.Context, a transfer.Attempt) (transfer.Spec, error) {
			if a.Number > 1 {
				return s, &transfer.Error{Code: transfer.CodeCancelled, Message: "test asks once", Err: a.Reason}
			}
			return s, nil
		}
		_, err := client.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: name})
		if got := transfer.CodeOf(err); got != want {
			t.Errorf("%s: code %q (%v), want %q", name, got, err, want)
		}
		if _, err := os.Stat(filepath.Join(r.storage, name)); (err == nil) != (want == "") {
			t.Errorf("%s: file there: %v", name, err == nil)
		}
	}
	try("right", "", r.client, func(*transfer.Spec) {})
	try("another client's token", transfer.CodeUnauthorized, thief, func(*transfer.Spec) {})
	try("a token for pulling", transfer.CodeUnauthorized, r.client, func(s *transfer.Spec) {
		s.Token = r.spec(s.TransferID, transfer.Pull, r.client, p).Token
	})
	try("a token cut short", transfer.CodeUnauthorized, r.client, func(s *transfer.Spec) { s.Token = s.Token[:len(s.Token)-8] })
	try("after the transfer ended", transfer.CodeEnded, r.client, func(s *transfer.Spec) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended[s.TransferID] = true
	})
	try("after a revocation", transfer.CodeEnded, r.client, func(s *transfer.Spec) {
		if failed := r.Fleet.Revoke(t.Context(), command.RevokeRequest{Transfer: s.TransferID, Reason: "test"}); len(failed) > 0 {
			t.Error(failed)
		}
	})
	try("the wrong certificate", transfer.CodeCertificate, r.client, func(s *transfer.Spec) { s.CertSHA256 = strings.Repeat("0", 64) })
	direct := func(key, secret string) func(*transfer.Spec) {
		return func(s *transfer.Spec) { s.Token, s.AccessKey, s.Secret, s.TransferID = "", key, secret, "" }
	}
	try("access key", "", nil, direct(tenant, r.secret))
	try("access key, wrong secret", transfer.CodeUnauthorized, nil, direct(tenant, "guess"))
	try("nobody's access key", transfer.CodeUnauthorized, nil, direct("nobody", r.secret))
}

func TestKilledServiceIsRestartedAndReported(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start(func(b *join.Bootstrap) { b.ReceiveCapMbps = 20 })
	port := r.address(p).Port
	source := file(t, 16<<20) // long enough to be seen on a busy machine
	_, client := r.transfer(transfer.Push, p)
	done := make(chan error, 1)
	go func() {
		_, err := client.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in/"})
		done <- err
	}()
	fleettest.Eventually(t, "session under way", func() bool {
		v, _ := r.Fleet.Node(p.NodeID)
		return len(v.Sessions) == 1 && v.Sessions[0].GetBytesDone() > 100_000
	})
	sub := r.Fleet.Subscribe()
	defer sub.Close()
	killed := p.child()
	fleettest.Must(t, syscall.Kill(killed, syscall.SIGKILL))
	degraded := false
	fleettest.Eventually(t, "degraded, then healthy with a restart counted", func() bool {
		v, _ := r.Fleet.Node(p.NodeID)
		s := v.Facts.GetServices()[0]
		degraded = degraded || !v.Healthy()
		return v.Healthy() && s.GetRestarts() == 1
	})
	if !degraded {
		t.Error("the manager never saw the node degraded")
	}
	if got := r.address(p).Port; got != port {
		t.Errorf("transfer port moved from %d to %d", port, got)
	}
	fleettest.Must(t, <-done)
	same(t, source, filepath.Join(r.storage, "in", "footage.bin"))
	fleettest.Eventually(t, "both sessions ended in history", func() bool {
		k := r.eventKinds(p.NodeID)
		return k[event.SessionStarted] == 2 && k[event.SessionEnded] == 2 && k[event.ServiceDown] == 1 && k[event.ServiceUp] == 1
	})
	fleettest.Eventually(t, "totals count both lives", func() bool {
		v, _ := r.Fleet.Node(p.NodeID)
		return v.Facts.GetBytesReceived() >= 16<<20
	})
}

func TestKilledAgentLeavesNoChild(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	child := p.child()
	if child == 0 {
		t.Fatal("no transfer service")
	}
	fleettest.Must(t, p.Process.Kill())
	p.exit()
	fleettest.Eventually(t, "service ends with its agent", func() bool { return !alive(child) })
	// The same node comes back by its own key; its token is spent.
	again := r.launch(p.Bootstrap)
	fleettest.Eventually(t, "node reports again", func() bool {
		v, ok := r.Fleet.Node(p.NodeID)
		return ok && v.Healthy() && v.Facts.GetStartedUnixMs() > 0 && r.eventKinds(p.NodeID)[event.NodeStarted] == 2
	})
	if again.child() == 0 {
		t.Error("no transfer service after the return")
	}
}

func TestNodeThatRestartsServesThoughItsManagerIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	port := r.address(p).Port
	fleettest.Must(t, p.Process.Kill())
	p.exit()
	r.Stop()
	again := r.launch(p.Bootstrap)
	fleettest.Eventually(t, "serves on its port", func() bool { return again.child() != 0 && dialable(port) })
	r.Restart()
	r.healthy(again)
	if code := r.once(again); code != "" {
		t.Errorf("with the manager back: %q", code)
	}
}

func TestNodeStopsInGoodOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	child, port := p.child(), r.address(p).Port
	fleettest.Must(t, p.Process.Signal(syscall.SIGTERM))
	if code := p.exit(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if alive(child) {
		t.Error("the transfer service outlives its agent")
	}
	if dialable(port) {
		t.Error("the transfer port is still open")
	}
	fleettest.Eventually(t, "its farewell in history", func() bool { return r.eventKinds(p.NodeID)[event.NodeStopped] == 1 })
}

func TestDrainMovesSessionsAndHoldsOverARestartOfTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	// The first is slow enough that the file cannot be through before the drain, the second is not.
	first, second := r.start(func(b *join.Bootstrap) { b.ReceiveCapMbps = 10 }), r.start()
	source := file(t, 16<<20)
	id, client := r.transfer(transfer.Push, first)
	client.Specs = func(_ context.Context, a transfer.Attempt) (transfer.Spec, error) {
		if a.Reason == nil {
			return r.spec(id, transfer.Push, r.client, first), nil
		}
		return r.spec(id, transfer.Push, r.client, second), nil
	}
	done := make(chan error, 1)
	go func() {
		_, err := client.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: "in/"})
		done <- err
	}()
	fleettest.Eventually(t, "session under way", func() bool {
		v, _ := r.Fleet.Node(first.NodeID)
		return len(v.Sessions) == 1 && v.Sessions[0].GetBytesDone() > 100_000
	})
	fleettest.Must(t, r.Fleet.Drain(t.Context(), first.NodeID, "scale in"))
	fleettest.Must(t, <-done)
	same(t, source, filepath.Join(r.storage, "in", "footage.bin"))
	fleettest.Eventually(t, "history of the move", func() bool {
		row, err := r.Store.Transfers.Get(t.Context(), id)
		fleettest.Must(t, err)
		return row.State == statestore.TransferDone && row.Moved == 1
	})
	if v, _ := r.Fleet.Node(second.NodeID); v.Facts.GetDraining() {
		t.Error("the other node drains too")
	}
	fleettest.Must(t, syscall.Kill(first.child(), syscall.SIGKILL))
	fleettest.Eventually(t, "restarted", func() bool {
		v, _ := r.Fleet.Node(first.NodeID)
		return v.Healthy() && v.Facts.GetServices()[0].GetRestarts() == 1 && v.Facts.GetDraining()
	})
	if code := r.once(first); code != transfer.CodeDraining {
		t.Errorf("a draining node answers %q", code)
	}
	fleettest.Must(t, r.Fleet.Undrain(t.Context(), first.NodeID))
	if code := r.once(first); code != "" {
		t.Errorf("an un-drained node answers %q", code)
	}
}

// once tries one session and returns its code.
func (r *rig) once(p *process) transfer.Code {
	r.t.Helper()
	id, client := r.transfer(transfer.Push, p)
	var reason error
	client.Specs = func(_ context.Context, a transfer.Attempt) (transfer.Spec, error) {
		if a.Reason != nil {
			reason = a.Reason
			return transfer.Spec{}, &transfer.Error{Code: transfer.CodeCancelled, Message: "test asks once"}
		}
		return r.spec(id, transfer.Push, r.client, p), nil
	}
	_, err := client.Run(r.t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{file(r.t, 10)}, Destination: "once/" + id})
	if reason != nil {
		err = reason
	}
	return transfer.CodeOf(err)
}

func TestNodeOutlivesItsManagersRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	child := p.child()
	r.Stop()
	// Away, the node still serves who was known before: nobody here, so a new tenant is asked to wait and not turned down for good.
	if code := r.once(p); code == transfer.CodeUnauthorized {
		t.Errorf("without a manager a good token is answered with %q", code)
	}
	r.Restart() // the fleet listens on another port now
	r.healthy(p)
	if p.child() != child {
		t.Error("the transfer service was restarted with the manager")
	}
	if code := r.once(p); code != "" {
		t.Errorf("after the restart: %q", code)
	}
	if kinds := r.eventKinds(p.NodeID); kinds[event.NodeStarted] != 1 {
		t.Errorf("history: %v", kinds)
	}
}

func TestNodeRenewsItsCertificatesAndServesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(m *fleettest.Manager) { m.NodeLifetime = 6 * time.Second })
	p := r.start()
	child, first := p.child(), r.address(p).CertSHA256
	seen := map[string]bool{first: true}
	fleettest.Eventually(t, "two renewals, which outlive the first certificate and its connection", func() bool {
		seen[r.address(p).CertSHA256] = true
		return len(seen) >= 3
	})
	if code := r.once(p); code != "" {
		t.Errorf("after renewal: %q", code)
	}
	if p.child() != child {
		t.Error("renewal restarted the transfer service")
	}
	row, err := r.Store.Nodes.Get(t.Context(), p.NodeID)
	fleettest.Must(t, err)
	if !seen[row.CertSHA256] || row.CertSHA256 == first {
		t.Errorf("row pins %s", row.CertSHA256)
	}
}

func TestNodeEndsWhenItMust(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lease := filepath.Join(t.TempDir(), "lease")
	manager, gone := context.WithCancel(t.Context())
	quiet := make(chan struct{})
	fleettest.Must(t, os.WriteFile(lease, nil, 0o600))
	go func() { // as the local provider does, while its manager lives
		defer close(quiet)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-manager.Done():
				return
			case now := <-tick.C:
				if err := os.Chtimes(lease, now, now); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	defer gone()
	leased := r.start(func(b *join.Bootstrap) { b.LeaseFile, b.LeaseTimeoutS = lease, 3 })
	revoked := r.start()
	fleettest.Must(t, r.Authority.RevokeNode(t.Context(), revoked.NodeID, "test"))
	if code := revoked.exit(); code != exitEnded {
		t.Errorf("revoked node exits with %d", code)
	}
	gone()
	<-quiet
	fleettest.Must(t, os.Remove(lease))
	if code := leased.exit(); code != exitEnded {
		t.Errorf("node without a manager exits with %d", code)
	}
	spent := leased.Bootstrap
	spent.DataDir, spent.LeaseFile = t.TempDir(), ""
	if code := r.launch(spent).exit(); code != exitEnded {
		t.Errorf("node whose token is spent exits with %d", code)
	}
}

// A directory of the local provider that is deleted takes its nodes with it, also when another manager has begun anew
// there.
func TestNodeEndsWithItsDirectory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	live := func(what string, renewed bool) {
		dir := t.TempDir()
		lease := filepath.Join(dir, "lease")
		fleettest.Must(t, os.WriteFile(lease, nil, 0o600))
		// Nobody renews it, and it does not expire in this test.
		p := r.start(func(b *join.Bootstrap) {
			b.LeaseFile, b.LeaseTimeoutS, b.DataDir = lease, 2, filepath.Join(dir, "instance", "data")
			ahead := time.Now().Add(time.Hour)
			fleettest.Must(t, os.Chtimes(lease, ahead, ahead))
		})
		child := p.child()
		fleettest.Must(t, os.RemoveAll(filepath.Join(dir, "instance")))
		if !renewed {
			fleettest.Must(t, os.Remove(lease))
		}
		if code := p.exit(); code != exitEnded {
			t.Errorf("%s: the node exits with %d", what, code)
		}
		if child == 0 || alive(child) {
			t.Errorf("%s: its transfer service (process %d) lives on", what, child)
		}
	}
	live("all is deleted", false)
	live("another lease is in its place", true)
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		fleettest.Must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", exitOK, "A manager launches it"},
		{"run --help", exitOK, "join_token"},
		{"version", exitOK, "godwit-node"},
		{"dance", exitUsage, `unknown command "dance"`},
		{"run --loud", exitUsage, "unknown flag"},
		{"run", exitUsage, "--bootstrap FILE is missing"},
		{"run extra", exitUsage, "takes no arguments"},
		{"transferd", exitUsage, "started by godwit-node run"},
		{"run --bootstrap " + filepath.Join(dir, "none"), exitUsage, "no such file"},
		{"run --bootstrap " + write("a", "{"), exitUsage, "unexpected end"},
		{"run --bootstrap " + write("b", "{}"), exitUsage, "manager_urls"},
		{"run --bootstrap " + write("c", `{"manager_urls":["http://x"],"node_id":"n","data_dir":"/x"}`), exitUsage, "https"},
		{"run --bootstrap " + write("d", `{"manager_urls":["https://x"],"node_id":"n","data_dir":"/x","ca_sha256":"12"}`), exitUsage, "fingerprint"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), &out, &out)
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: code %d, says %q", c.args, code, out.String())
		}
	}
}

func TestReadinessIsToldToTheServiceManager(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "notify") // socket paths are short
	fleettest.Must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	fleettest.Must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	socket := filepath.Join(dir, "s")
	fleettest.Must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: socket}))
	fleettest.Must(t, notifyReady(socket))
	buf := make([]byte, 100)
	n, _, err := syscall.Recvfrom(fd, buf, 0)
	fleettest.Must(t, err)
	if string(buf[:n]) != "READY=1" {
		t.Errorf("told %q", buf[:n])
	}
	if err := notifyReady(""); err != nil {
		t.Error(err)
	}
}
