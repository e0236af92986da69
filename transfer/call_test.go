package transfer

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/notary"
)

// where asks a node where the socket is, and returns the note.
func where(t *testing.T, sock *net.UDPConn) []byte {
	t.Helper()
	nonce, b := notary.NewNonce(), make([]byte, 2048)
	nonce.Question(b)
	_, err := sock.Write(b[:notary.QuestionSize])
	must(t, err)
	_ = sock.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := sock.Read(b)
	must(t, err)
	note, ok := nonce.Note(b[:n])
	if !ok {
		t.Fatalf("no answer: % x", b[:n])
	}
	return bytes.Clone(note)
}

// TestDataOfAPullComeWithTheAnswer to where the note in its hello says, and that
// only: before the client has sent a datagram of the session.
func TestDataOfAPullComeWithTheAnswer(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		alter func(note []byte) []byte
		want  bool
	}{
		"a note":           {func(note []byte) []byte { return note }, true},
		"none":             {func([]byte) []byte { return nil }, false},
		"one that was not": {func(note []byte) []byte { note[5] ^= 1; return note }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), nil)
			write(t, filepath.Join(n.root, "f"), 1<<20)
			h := byHand(t, n)
			sock, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(h.at()))
			must(t, err)
			defer sock.Close()
			tcp := h.tcp()
			hello := control.Hello{
				Direction: string(Pull), Paths: []string{"f"}, Policy: string(Fair), Transport: string(TransportUDP), Note: x.alter(where(t, sock)),
			}
			h.c.sign(&hello, tcp, n.spec)
			must(t, sendHello(tcp, hello))
			_, err = readAccept(tcp)
			must(t, err)
			patience := 10 * time.Second
			if !x.want {
				patience = 300 * time.Millisecond // it would come at once
			}
			_ = sock.SetReadDeadline(time.Now().Add(patience))
			k, err := sock.Read(make([]byte, 65536))
			if got := err == nil && k > 0; got != x.want {
				t.Errorf("%d bytes, %v", k, err)
			}
		})
	}
}

// TestPullThatLeavesFirstIsCompleteAtTheNode: it does not wait for the node's
// goodbye, and the node knows all the same that all has arrived.
func TestPullThatLeavesFirstIsCompleteAtTheNode(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(n.root, name), 100_000)
	}
	const pulls = 10
	for range pulls {
		to := t.TempDir()
		mustRun(t, quickClient(t, n.spec), Job{Direction: Pull, Sources: []string{"a", "b", "c"}, Destination: to})
		same(t, n.root, to)
	}
	await(t, "end of all sessions", func() bool { return n.Totals().SessionsEnded == pulls })
	if got := n.Totals(); got.SessionsFailed != 0 || got.SessionsStarted != pulls {
		t.Errorf("%+v", got)
	}
}

// TestPullHearsOfWhatCannotBeReadThere: what the node has to say about a source
// comes before the client leaves.
func TestPullHearsOfWhatCannotBeReadThere(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	write(t, filepath.Join(n.root, "d", "a"), 100_000)
	must(t, os.Symlink("loop", filepath.Join(n.root, "d", "loop")))
	for range 5 {
		to := t.TempDir()
		res, err := run(t, quickClient(t, n.spec), Job{Direction: Pull, Sources: []string{"d/"}, Destination: to, Options: Options{Symlinks: SymlinksFollow}})
		must(t, err)
		if len(res.Failed) != 1 || res.Files != 1 {
			t.Fatalf("%+v", res)
		}
	}
}
