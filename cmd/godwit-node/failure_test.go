package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/fleet/fleettest"
)

func TestFailureOfTheSetUpReachesTheManager(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	dir := t.TempDir()
	bootstrap, output := filepath.Join(dir, "bootstrap.json"), filepath.Join(dir, "log")
	doc, err := json.Marshal(b)
	fleettest.Must(t, err)
	fleettest.Must(t, os.WriteFile(bootstrap, doc, 0o600))
	fleettest.Must(t, os.WriteFile(output, []byte(strings.Repeat("x", 20_000)+"\nno scratch disk\n"), 0o600))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"report-failure"}, exitUsage, "are needed"},
		{[]string{"report-failure", "--bootstrap", bootstrap, "--reason", "r", "--output", dir + "/none"}, exitUsage, "no such file"},
		{[]string{"report-failure", "--bootstrap", bootstrap, "--reason", "the script ended with code 3", "--output", output}, exitOK, ""},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: code %d, says %s", c.args, code, out.String())
		}
	}
	n, err := m.Store.Nodes.Get(t.Context(), b.NodeID)
	fleettest.Must(t, err)
	if !strings.HasPrefix(n.FailureReason, "the script ended with code 3: ") || !strings.HasSuffix(n.FailureReason, "no scratch disk") {
		t.Errorf("the row says %q", n.FailureReason)
	}
}

func TestNodeThatNobodyWaitsForGivesUp(t *testing.T) {
	t.Parallel()
	m := fleettest.Start(t)
	b := m.Node(time.Hour)
	m.Stop()
	b.JoinTimeoutS, b.ListenHost = 0.5, "127.0.0.1"
	bootstrap := filepath.Join(t.TempDir(), "bootstrap.json")
	doc, err := json.Marshal(b)
	fleettest.Must(t, err)
	fleettest.Must(t, os.WriteFile(bootstrap, doc, 0o600))
	var out bytes.Buffer
	if code := run(t.Context(), []string{"run", "--bootstrap", bootstrap}, &out, &out); code != exitEnded || !strings.Contains(out.String(), "no manager was reached within") {
		t.Errorf("code %d, says %s", code, out.String())
	}
}
