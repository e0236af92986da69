package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
)

func report(t *testing.T, b join.Bootstrap, reason, output string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return (&join.Client{Bootstrap: b}).ReportFailure(ctx, reason, output)
}

func TestMachineThatCannotBeSetUpSaysSoAndNeverJoins(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	output := strings.Repeat("filler\n", 4000) + "one\ntwo\nthree\x1b[2J\x00\nfour\n"
	fleettest.Must(t, report(t, b, "the first-boot script ended with code 3", output))
	n, err := m.Store.Nodes.Get(t.Context(), b.NodeID)
	fleettest.Must(t, err)
	if want := "the first-boot script ended with code 3: two | three[2J | four"; n.FailureReason != want {
		t.Errorf("the row says %q", n.FailureReason)
	}
	if n.JoinedAt != nil {
		t.Error("it counts as joined")
	}
	if !slices.Equal(m.Recorded(), []string{event.NodeFailed}) {
		t.Errorf("recorded %v", m.Recorded())
	}
	fleettest.Must(t, report(t, b, "the first-boot script ended with code 3", output)) // its answer got lost
	_, err = enter(t, b)
	refused(t, err, 409, join.CodeTokenUsed)
}

func TestFailureIsTakenFromTheMachineAlone(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	stranger := m.Node(time.Hour)
	token := stranger.JoinToken
	stranger.JoinToken = "guessed"
	refused(t, report(t, stranger, "sabotage", ""), 401, join.CodeTokenUnknown)
	stranger.JoinToken = token
	refused(t, report(t, stranger, " ", ""), 400, join.CodeBadRequest)
	unknown := stranger
	unknown.NodeID = "01nobody"
	refused(t, report(t, unknown, "sabotage", ""), 401, join.CodeTokenUnknown)
	m.Move(stranger.NodeID, statestore.NodeRunning)
	refused(t, report(t, stranger, "too late", ""), 409, join.CodeNodeState)
	n, err := m.Store.Nodes.Get(t.Context(), stranger.NodeID)
	fleettest.Must(t, err)
	if n.FailureReason != "" {
		t.Errorf("the row says %q", n.FailureReason)
	}
}

func TestNodeProgramIsHandedOutByItsChecksumAlone(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "godwit-node")
	fleettest.Must(t, os.WriteFile(program, []byte("the program"), 0o600))
	sum := sha256.Sum256([]byte("the program"))
	m := fleettest.Start(t, func(m *fleettest.Manager) {
		m.Binary = func(arch, sha256 string) (*os.File, error) {
			if arch != "amd64" || sha256 != hex.EncodeToString(sum[:]) {
				return nil, fs.ErrNotExist
			}
			return os.Open(program)
		}
	})
	conf, err := pin.TLSConfig(m.Authority.Pin(), pin.ManagerName)
	fleettest.Must(t, err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
	for path, want := range map[string]int{
		"amd64/" + hex.EncodeToString(sum[:]): http.StatusOK,
		"arm64/" + hex.EncodeToString(sum[:]): http.StatusNotFound,
		"amd64/" + strings.Repeat("0", 64):    http.StatusNotFound,
		"amd64/../../etc/passwd":              http.StatusNotFound,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL+join.BinaryPath+path, nil)
		fleettest.Must(t, err)
		res, err := client.Do(r)
		fleettest.Must(t, err)
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		fleettest.Must(t, err)
		if res.StatusCode != want || want == http.StatusOK && string(body) != "the program" {
			t.Errorf("%s: %s %q", path, res.Status, body)
		}
	}
}
