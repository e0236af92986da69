package identity_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
)

func enter(t *testing.T, b join.Bootstrap) (*join.Identity, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return (&join.Client{Bootstrap: b, Version: "1.0"}).Ensure(ctx, []string{"127.0.0.1", "10.0.0.7"}, 4001)
}

func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var r *join.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	if r.Code != code || r.Status != status {
		t.Fatalf("refused with %d %s (%s), want %d %s", r.Status, r.Code, r.Detail, status, code)
	}
}

func TestJoinFillsTheNodesRow(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	id, err := enter(t, b)
	fleettest.Must(t, err)
	n, err := m.Store.Nodes.Get(t.Context(), b.NodeID)
	fleettest.Must(t, err)
	if n.JoinedAt == nil || n.PublicAddress != "127.0.0.1" || n.PrivateAddress != "10.0.0.7" || n.TransferPort != 4001 || n.SoftwareVersion != "1.0" {
		t.Errorf("row after joining: %+v", n)
	}
	if n.CertSHA256 == "" || n.CertSHA256 != id.ServingSHA256() {
		t.Errorf("row pins %q, node serves %q", n.CertSHA256, id.ServingSHA256())
	}
	control, err := id.Control()
	fleettest.Must(t, err)
	serving, err := id.Serving()
	fleettest.Must(t, err)
	if control.Leaf.Issuer.String() == serving.Leaf.Issuer.String() {
		t.Errorf("control and serving certificates have one issuer, %s", control.Leaf.Issuer)
	}
	if err := serving.Leaf.VerifyHostname("10.0.0.7"); err != nil {
		t.Error(err)
	}
	if got := time.Until(control.Leaf.NotAfter); got > identity.NodeLifetime {
		t.Errorf("control certificate lasts %s", got)
	}
	if !slices.Equal(m.Recorded(), []string{event.NodeJoined}) {
		t.Errorf("recorded %v", m.Recorded())
	}
	if strings.Contains(m.Authority.ControlPEM(), "PRIVATE") {
		t.Error("CA key given out")
	}
}

func TestJoinTokenServesOneKeyOnly(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	_, err := enter(t, b)
	fleettest.Must(t, err)
	thief := b
	thief.DataDir = t.TempDir()
	_, err = enter(t, thief)
	refused(t, err, 409, join.CodeTokenUsed)
	if !slices.Contains(m.Recorded(), event.AlertJoinReused) {
		t.Errorf("no alert among %v", m.Recorded())
	}
}

// The manager's answer got lost: the node still has its keys and no certificates.
func TestJoinAgainWithTheSameKeyIsTheSameNode(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	id, err := enter(t, b)
	fleettest.Must(t, err)
	amnesiac := *id
	amnesiac.Response = join.Response{}
	fleettest.Must(t, amnesiac.Save(b.DataDir))
	if _, err := enter(t, b); err != nil {
		t.Fatalf("same key refused: %v", err)
	}
	if slices.Contains(m.Recorded(), event.AlertJoinReused) {
		t.Error("an honest retry raised an alert")
	}
}

func TestJoinRefusals(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t, func(m *fleettest.Manager) {
		m.VerifyCaller = func(_ context.Context, _ statestore.Node, _, instance string) error {
			if instance == "stolen" {
				return errors.New("instance stolen is not this node's")
			}
			return nil
		}
	})
	other := m.Node(time.Hour)
	for _, c := range []struct {
		name   string
		change func(*join.Bootstrap)
		status int
		code   string
	}{
		{"a wrong token", func(b *join.Bootstrap) { b.JoinToken = "guess" }, 401, join.CodeTokenUnknown},
		{"another node's token", func(b *join.Bootstrap) { b.JoinToken = other.JoinToken }, 401, join.CodeTokenUnknown},
		{"a node that never was", func(b *join.Bootstrap) { b.NodeID = statestore.NewID() }, 401, join.CodeTokenUnknown},
		{"an id that would widen permissions", func(b *join.Bootstrap) { b.NodeID = "n.*" }, 400, join.CodeBadRequest},
		{"the managers' own id", func(b *join.Bootstrap) { b.NodeID = "manager" }, 400, join.CodeBadRequest},
		{"a node that has ended", func(b *join.Bootstrap) { m.Move(b.NodeID, statestore.NodeTerminated) }, 409, join.CodeNodeState},
		{"a node that failed", func(b *join.Bootstrap) { m.Move(b.NodeID, statestore.NodeFailed) }, 409, join.CodeNodeState},
		{"a caller that is not the node", func(b *join.Bootstrap) { b.InstanceID = "stolen" }, 403, join.CodeCaller},
	} {
		b := m.Node(time.Hour)
		c.change(&b)
		_, err := enter(t, b)
		t.Log(c.name)
		refused(t, err, c.status, c.code)
	}
	expired := m.Node(time.Nanosecond)
	_, err := enter(t, expired)
	refused(t, err, 401, join.CodeTokenExpired)
	// Refusals leave a token whole.
	if _, err := enter(t, other); err != nil {
		t.Errorf("a token that others misused is spent: %v", err)
	}
}

func TestNodeTrustsOnlyThePinnedManager(t *testing.T) {
	t.Parallel()
	m, rogue := fleettest.Start(t), fleettest.Start(t)
	b := m.Node(time.Hour)
	b.ManagerURLs = []string{rogue.URL}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := (&join.Client{Bootstrap: b}).Ensure(ctx, []string{"127.0.0.1"}, 4001)
	if !errors.Is(err, pin.ErrMismatch) {
		t.Fatalf("got %v, want a refusal of the rogue's certificate", err)
	}
	if len(rogue.Recorded()) != 0 {
		t.Errorf("the rogue heard of the node: %v", rogue.Recorded())
	}
	// The right one is found among several.
	b.ManagerURLs = []string{rogue.URL, m.URL}
	if _, err := enter(t, b); err != nil {
		t.Error(err)
	}
}

func TestRenewalProvesTheOldKey(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	id, err := enter(t, b)
	fleettest.Must(t, err)
	client := &join.Client{Bootstrap: b, Version: "1.1"}
	next, err := client.Renew(t.Context(), id, []string{"127.0.0.1"}, 4002)
	fleettest.Must(t, err)
	if next.ServingSHA256() == id.ServingSHA256() {
		t.Error("renewal returned the old certificate")
	}
	n, err := m.Store.Nodes.Get(t.Context(), b.NodeID)
	fleettest.Must(t, err)
	if n.TransferPort != 4002 || n.SoftwareVersion != "1.1" || n.CertSHA256 != next.ServingSHA256() {
		t.Errorf("row after renewal: port %d, version %s", n.TransferPort, n.SoftwareVersion)
	}
	kept, err := join.Load(b.DataDir)
	fleettest.Must(t, err)
	if kept.ServingSHA256() != next.ServingSHA256() {
		t.Error("renewed identity was not kept")
	}
	// A certificate of another cluster proves nothing here.
	rogue := fleettest.Start(t)
	stranger := rogue.Joined()
	stranger.NodeID = b.NodeID
	_, err = client.Renew(t.Context(), stranger, []string{"127.0.0.1"}, 4001)
	refused(t, err, 401, join.CodeRevoked)
}

func TestRevokedOrEndedNodeCannotRenew(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	id, err := enter(t, b)
	fleettest.Must(t, err)
	client := &join.Client{Bootstrap: b}
	m.Move(b.NodeID, statestore.NodeTerminating)
	_, err = client.Renew(t.Context(), id, []string{"127.0.0.1"}, 4001)
	refused(t, err, 409, join.CodeNodeState)
	m.Move(b.NodeID, statestore.NodeLost)
	if id, err = client.Renew(t.Context(), id, []string{"127.0.0.1"}, 4001); err != nil {
		t.Fatalf("a lost node that comes back is refused: %v", err)
	}
	fleettest.Must(t, m.Authority.RevokeNode(t.Context(), b.NodeID, "test"))
	_, err = client.Renew(t.Context(), id, []string{"127.0.0.1"}, 4001)
	refused(t, err, 401, join.CodeRevoked)
}

func TestManagersShareOneAuthority(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	again, err := identity.Open(t.Context(), identity.Config{Store: m.Store.Tables})
	fleettest.Must(t, err)
	if again.Pin() != m.Authority.Pin() {
		t.Errorf("second manager pins %s, first %s", again.Pin(), m.Authority.Pin())
	}
	heard := make(chan string, 1)
	again.OnRevoke(func(node string) { heard <- node })
	id := m.Joined()
	fleettest.Must(t, m.Authority.RevokeNode(t.Context(), id.NodeID, "test"))
	fleettest.Must(t, again.Refresh(t.Context()))
	if got := <-heard; got != id.NodeID {
		t.Errorf("second manager heard of %s", got)
	}
}

func TestIdentityFileIsPrivate(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	_, err := enter(t, b)
	fleettest.Must(t, err)
	info, err := os.Stat(b.DataDir + "/identity.json")
	fleettest.Must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("identity.json is %s", info.Mode())
	}
}
