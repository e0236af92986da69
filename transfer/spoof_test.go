package transfer

import (
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/wire"
)

// TestSpoofedAddressIsSentThriceAtMost: a client that may pull asks for data to be
// sent to somebody else. Over real sockets: the victim hears from the node, but
// never more than three times what came in its name.
func TestSpoofedAddressIsSentThriceAtMost(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	write(t, n.root+"/f", 8<<20)
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.spec.Port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}})
	must(t, err)
	defer conn.Close()
	l, err := tlsLink(conn, time.Millisecond)
	must(t, err)
	hello, err := control.AppendJSON(nil, control.TypeHello, control.Hello{
		Version: control.Version, Token: n.spec.Token, Direction: "pull", Policy: "fair", Paths: []string{"f"}, Transport: "udp",
	})
	must(t, err)
	_, err = conn.Write(hello)
	must(t, err)
	frames := control.NewReader(conn)
	typ, body, err := frames.Next()
	for err == nil && typ != control.TypeAccept {
		typ, body, err = frames.Next()
	}
	must(t, err)
	var accept control.Accept
	must(t, control.ParseJSON(body, &accept))
	r, err := flow.NewReceiver(flow.Config{
		ConnID: wire.ConnID(accept.ConnID), SendSecret: l.toNode, RecvSecret: l.toClient, Peer: l.data, Trusted: true,
	}, nothing{})
	must(t, err)
	// The socket stands for the victim: what is sent from it is what the attacker
	// sends in its name, and it answers nothing.
	victim, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n.spec.Port})
	must(t, err)
	defer victim.Close()
	sent, heard, datagrams := 0, 0, 0
	buf := make([]byte, 65536)
	batch := wire.NewBatch()
	for began := time.Now(); time.Since(began) < 2*time.Second; {
		for batch.Reset(); r.AppendDatagrams(time.Since(began), batch) > 0; batch.Reset() {
			for d := range batch.All() {
				sent += len(d)
				_, err := victim.Write(d)
				must(t, err)
			}
		}
		_ = victim.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		for {
			k, err := victim.Read(buf)
			if err != nil {
				break
			}
			heard += k
			datagrams++
		}
		if heard > 3*sent {
			t.Fatalf("the victim got %d bytes in %d datagrams for %d in its name", heard, datagrams, sent)
		}
	}
	if sent == 0 || heard == 0 {
		t.Fatalf("%d bytes sent, %d heard: the test shows nothing", sent, heard)
	}
	t.Logf("%d bytes for %d", heard, sent)
}

type nothing struct{}

func (nothing) Deliver(time.Duration, []byte) error { return nil }
