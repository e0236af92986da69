package transfer

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

// TestASessionThatIsFarBehindLetsOthersGoFirst: in one turn it takes no more than
// the others get, however much has come in, and it says that there is more.
func TestASessionThatIsFarBehindLetsOthersGoFirst(t *testing.T) {
	t.Parallel()
	udp, err := packetio.Listen(netip.MustParseAddrPort("127.0.0.1:0"), packetio.Options{})
	must(t, err)
	defer udp.Close()
	port, err := udp.Open(1)
	must(t, err)
	defer port.Close()
	peer, err := packetio.Dial(udp.Addr(), packetio.Options{})
	must(t, err)
	defer peer.Close()
	must(t, port.Expect(netip.Addr{}, peer.LocalAddr()))
	if port.Buffer() < 3<<20 {
		t.Skipf("sockets hold %d bytes here", port.Buffer())
	}
	secret := bytes.Repeat([]byte{1}, flow.SecretSize)
	r, err := flow.NewReceiver(flow.Config{ConnID: 1, SendSecret: secret, RecvSecret: secret}, nothing{})
	must(t, err)
	over := make(chan struct{})
	close(over) // nobody acts on what comes
	s := &session{origin: time.Now(), over: over}
	l := &lane{session: s, sock: port, flow: r, frcv: r}

	// Nobody's packets, which cost the flow a look and no more.
	const size, batches = 1400, 20
	batch := wire.NewBatch()
	sent := 0
	for range batches {
		batch.Reset()
		batch.Addr = udp.Addr()
		for room := batch.Next(size); room != nil; room = batch.Next(size) {
			wire.Header{Kind: wire.KindData, ConnID: 1}.Put(room)
			batch.Commit(size)
			sent += size
		}
		must(t, peer.SendBatch(batch))
	}
	in := packetio.NewMessages()
	got, turns := 0, 0
	for got < sent {
		must(t, port.Wait(10*time.Second))
		n, more, err := l.absorb(in)
		must(t, err)
		if n > turnBytes+4*65536 { // and what the last look at the socket brought
			t.Fatalf("%d bytes in one turn", n)
		}
		if n >= turnBytes && !more {
			t.Fatal("a turn that was full says that nothing is left")
		}
		got += n
		turns++
	}
	if turns < 3 {
		t.Fatalf("%d bytes in %d turns: the test shows nothing", got, turns)
	}
}
