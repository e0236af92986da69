package transfer

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestGreetingLeadsToTheTransfer: what the client sent before the node's answer
// does no harm, whether the node goes on with it or not.
func TestGreetingLeadsToTheTransfer(t *testing.T) {
	t.Parallel()
	content := make([]byte, plentyBytes)
	_, _ = rand.Read(content)
	for name, change := range map[string]func(*ServerConfig, *grants){
		"taken":          nil,
		"another cipher": func(c *ServerConfig, _ *grants) { c.Ciphers = []Cipher{AES256} },
		"slow to answer": func(_ *ServerConfig, g *grants) {
			g.allow = func(Credential, Request) error { time.Sleep(50 * time.Millisecond); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), change)
			c := client(t, n)
			c.greetFrom = 1
			source := filepath.Join(t.TempDir(), "f")
			must(t, os.WriteFile(source, content, 0o600))
			mustRun(t, c, Job{Direction: Push, Sources: []string{source}, Destination: "."})
			if got, err := os.ReadFile(filepath.Join(n.root, "f")); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d of %d bytes, %v", len(got), len(content), err)
			}
		})
	}
}

func TestRefusedGreetingLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	n.spec.Token = "forged"
	c := client(t, n)
	c.greetFrom = 1
	source := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(source, make([]byte, plentyBytes), 0o600))
	// That the socket is closed and its goroutine gone is for the leak check at the end.
	if _, err := run(t, c, Job{Direction: Push, Sources: []string{source}, Destination: "."}); CodeOf(err) != CodeUnauthorized {
		t.Error(err)
	}
}

// TestLittleIsNotGreeted: nobody waits for padding on a slow line.
func TestLittleIsNotGreeted(t *testing.T) {
	t.Parallel()
	few, many, large := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "f")
	for i := range plentyEntries {
		name := fmt.Sprint(i)
		must(t, os.WriteFile(filepath.Join(many, name), nil, 0o600))
		if i < 10 {
			must(t, os.WriteFile(filepath.Join(few, name), []byte("little"), 0o600))
		}
	}
	must(t, os.WriteFile(large, make([]byte, plentyBytes), 0o600))
	for _, x := range []struct {
		job  Job
		want bool
	}{
		{Job{Sources: []string{few}}, false},
		{Job{Sources: []string{many}}, true},
		{Job{Sources: []string{few, large}}, true},
		{Job{Sources: []string{filepath.Dir(large)}, Pairs: []Pair{{Source: "f"}}}, true},
		{Job{Sources: []string{many}, Pairs: []Pair{{Source: "1"}}}, false},
		{Job{Sources: []string{filepath.Join(few, "gone")}}, false},
		{Job{Synthetic: &Synthetic{Files: 1, Size: plentyBytes}}, true},
	} {
		if got := (&Transfer{job: x.job}).plenty(); got != x.want {
			t.Errorf("%v %v: %v", x.job.Sources, x.job.Pairs, got)
		}
	}
}
