package e2e

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/godwit/godwit/internal/stage"
)

// relay stands, by TCP, where a server will be that starts later: two servers
// that must each know the other's address can start one after the other, and
// neither's port is picked before it is open. It returns its own address; to is
// asked for the server's at each connection.
func relay(t *testing.T, to func() string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { carry(t, conn, to()) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	return l.Addr().String()
}

func carry(t *testing.T, conn net.Conn, to string) {
	defer conn.Close()
	there, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
	if err != nil {
		return // it is not there yet, or no more
	}
	defer there.Close()
	var both sync.WaitGroup
	for from, into := range map[net.Conn]net.Conn{conn: there, there: conn} {
		both.Go(func() {
			_, _ = io.Copy(into, from) // whichever end hangs up ends both
			_, _ = from.Close(), into.Close()
		})
	}
	both.Wait()
}

// dnsAddress is where the stage's manager answers as DNS server; empty before it does.
func dnsAddress(s *stage.Stage) string {
	var facts struct {
		DNS string `json:"dns_addr"`
	}
	if raw, err := os.ReadFile(s.Path("data", "manager.json")); err != nil || json.Unmarshal(raw, &facts) != nil {
		return ""
	}
	return facts.DNS
}
