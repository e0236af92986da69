package transfer

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestGreetingLeadsToTheTransfer: what the client sent before the node's answer
// does no harm, whether the node goes on with it or not.
func TestGreetingLeadsToTheTransfer(t *testing.T) {
	t.Parallel()
	content := make([]byte, 3<<20)
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
	must(t, os.WriteFile(source, []byte("x"), 0o600))
	// That the socket is closed and its goroutine gone is for the leak check at the end.
	if _, err := run(t, c, Job{Direction: Push, Sources: []string{source}, Destination: "."}); CodeOf(err) != CodeUnauthorized {
		t.Error(err)
	}
}
