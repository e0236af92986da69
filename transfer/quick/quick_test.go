package quick

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"go.uber.org/goleak"

	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var anybody = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"words"}, MinVersion: tls.VersionTLS13}

// listen starts a node's end that answers each stream with what came over it.
func listen(t *testing.T) (*Listener, *packetio.Listener) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	udp, err := packetio.Listen(netip.MustParseAddrPort("127.0.0.1:0"), packetio.Options{})
	must(t, err)
	l, err := Listen(udp, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"words"}, MinVersion: tls.VersionTLS13,
	})
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.Open(c.Context()) == nil {
					_, _ = io.Copy(c, c)
				}
				<-c.Context().Done()
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		must(t, udp.Close())
		<-done
	})
	return l, udp
}

func dial(t *testing.T, udp *packetio.Listener) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, udp.Addr(), anybody)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// await polls until ok, for a while.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

func echoes(t *testing.T, c *Conn) {
	t.Helper()
	_, err := c.Write([]byte("word"))
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "word" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestBothEndsDrawTheSameKeys(t *testing.T) {
	t.Parallel()
	l, udp := listen(t)
	c := dial(t, udp)
	echoes(t, c)
	if s := c.TLS(); s.Version != tls.VersionTLS13 || s.DidResume {
		t.Errorf("%+v", s)
	}
	if _, err := func() ([]byte, error) { s := c.TLS(); return s.ExportKeyingMaterial("words", nil, 32) }(); err != nil {
		t.Error(err)
	}
	c.Close()
	await(t, "end", func() bool { return l.open.Load() == 0 })
}

// TestSessionsShareThePort: their datagrams go where they went before, also those
// that begin as QUIC's may.
func TestSessionsShareThePort(t *testing.T) {
	t.Parallel()
	_, udp := listen(t)
	port, err := udp.Open(7)
	must(t, err)
	defer port.Close()
	c := dial(t, udp)
	sock, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(udp.Addr()))
	must(t, err)
	defer sock.Close()
	d := make([]byte, 100)
	wire.Header{Kind: wire.KindControl, ConnID: 7}.Put(d)
	_, err = sock.Write(d)
	must(t, err)
	m := packetio.NewMessages()
	await(t, "datagram", func() bool { n, _ := port.Recv(m); return n == 1 })
	echoes(t, c)
}

// TestStrangersAreDroppedBeforeQUIC and counted, as they were without it.
func TestStrangersAreDroppedBeforeQUIC(t *testing.T) {
	t.Parallel()
	l, udp := listen(t)
	sock, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(udp.Addr()))
	must(t, err)
	defer sock.Close()
	for range 200 {
		d := make([]byte, 1400)
		_, _ = rand.Read(d)
		d[0] &^= 0x80 // no long header: nothing that is open is meant
		_, err = sock.Write(d)
		must(t, err)
	}
	await(t, "strangers", func() bool { return udp.Strangers() == 200 })
	if n := len(l.port.in); n != 0 || l.open.Load() != 0 {
		t.Errorf("%d datagrams wait, %d connections", n, l.open.Load())
	}
}

// forged is what looks like the first datagram of a handshake.
func forged() []byte {
	b := make([]byte, 1252)
	_, _ = rand.Read(b)
	copy(b, []byte{0xc3, 0, 0, 0, 1, 8})                    // version 1, id of 8 bytes
	copy(b[14:], []byte{8})                                 // another
	copy(b[23:], []byte{0, 0x40 | (1226 >> 8), 1226 % 256}) // no token, length
	return b
}

// TestForgedHandshakesFindLimits: beyond some, an address has to be proved, which
// takes no memory; who proves it gets in.
func TestForgedHandshakesFindLimits(t *testing.T) {
	t.Parallel()
	l, udp := listen(t)
	sock, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(udp.Addr()))
	must(t, err)
	defer sock.Close()
	retries := make(chan struct{}, 1)
	sent, heard := new(atomic.Int64), new(atomic.Int64)
	go func() {
		b := make([]byte, 2000)
		for {
			n, err := sock.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			heard.Add(int64(n))
			if n > 0 && b[0]&0xf0 == 0xf0 {
				select {
				case retries <- struct{}{}:
				default:
				}
			}
		}
	}()
	asked := false
	for range 400 {
		d := forged()
		n, err := sock.Write(d)
		must(t, err)
		sent.Add(int64(n))
		select {
		case <-retries:
			asked = true
		case <-time.After(time.Millisecond):
		}
	}
	if n := l.open.Load(); !asked || n < provenFrom || n > provenFrom+5 {
		t.Errorf("%d connections are open; asked for proof: %v", n, asked)
	}
	if heard.Load() > 3*sent.Load() {
		t.Errorf("%d bytes for %d", heard.Load(), sent.Load())
	}
	echoes(t, dial(t, udp))
}

// TestMostConnectionsAtATime: one more is not heard.
func TestMostConnectionsAtATime(t *testing.T) {
	t.Parallel()
	l, udp := listen(t)
	l.open.Add(mostOpen)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if c, err := Dial(ctx, udp.Addr(), anybody); err == nil {
		c.Close()
		t.Error("a connection too many")
	}
	l.open.Add(-mostOpen)
	echoes(t, dial(t, udp))
}

// deaf is a socket that counts what it sends and what it would receive, and passes
// nothing on: as somebody's whose address another uses.
type deaf struct {
	modest
	sent, heard *atomic.Int64
}

func (d deaf) WriteTo(b []byte, to net.Addr) (int, error) {
	d.sent.Add(int64(len(b)))
	return d.modest.WriteTo(b, to)
}

func (d deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.modest.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		d.heard.Add(int64(n))
	}
}

// TestSpoofedHandshakeIsAnsweredThriceAtMost: whole ones, in the name of an address
// that never answers.
func TestSpoofedHandshakeIsAnsweredThriceAtMost(t *testing.T) {
	t.Parallel()
	_, udp := listen(t)
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer sock.Close()
	d := deaf{modest{sock}, new(atomic.Int64), new(atomic.Int64)}
	tr := &quic.Transport{Conn: d}
	defer tr.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(udp.Addr()), anybody, settings()); err == nil {
		t.Fatal("it is not deaf")
	}
	if s, h := d.sent.Load(), d.heard.Load(); s == 0 || h == 0 || h > 3*s {
		t.Errorf("%d bytes for %d", h, s)
	}
}

func TestGateHoldsItsBudget(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	g := newGate(func() time.Time { return now })
	count := func(b []byte, open int) (n int) {
		for range 100_000 {
			if g.admits(b, open, mostOpen) {
				n++
			}
		}
		return n
	}
	short := append([]byte{0x41}, make([]byte, 30)...)
	if n := count(forged(), 0); n != initialsAtOnce {
		t.Errorf("%d handshakes at once", n)
	}
	if n := count(short, 1); n != packetsAtOnce {
		t.Errorf("%d packets at once", n)
	}
	now = now.Add(100 * time.Millisecond)
	if n := count(forged(), 0); n != initialsPerSecond/10 {
		t.Errorf("%d handshakes in a tenth of a second", n)
	}
	now = now.Add(time.Hour)
	if n := count(short, 0) + count(forged(), mostOpen); n != 0 {
		t.Errorf("%d packets of no connection, or one too many", n)
	}
}

func FuzzGate(f *testing.F) {
	f.Add(forged())
	f.Add([]byte{0x41, 0, 0, 0, 7})
	f.Add(append([]byte{0xe1, 0, 0, 0, 1, 8}, make([]byte, 40)...))
	f.Add(append([]byte{0xd0, 0, 0, 0, 1}, make([]byte, 1300)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := shapeOf(b)
		if s == other {
			return
		}
		if len(b) > longest || b[0]&0x40 == 0 {
			t.Fatalf("%d bytes of kind %x pass as %d", len(b), b[0], s)
		}
		if s == initial && (b[0]&0xf0 != 0xc0 || len(b) < leastInitial) {
			t.Fatalf("%d bytes of kind %x begin a handshake", len(b), b[0])
		}
	})
}
