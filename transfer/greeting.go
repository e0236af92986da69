package transfer

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	// greetingLeast is the round trip from which a greeting pays.
	greetingLeast = 5 * time.Millisecond
	// greetingWait is how long the burst leaves after the hello, in round trips: the
	// node has to have looked at it.
	greetingWait = 1. / 16
	greetingMost = 15 * time.Millisecond
	// So many bytes, or so many files whatever is in them, are worth the 280 KB of
	// padding.
	plentyBytes   = 4 << 20
	plentyEntries = 256
)

// plenty reports whether a push has so much to send that the padding of a
// greeting is nothing beside it: who sends little over a slow line would wait for
// that.
func (t *Transfer) plenty() bool {
	j := &t.job
	switch {
	case t.stream != nil:
		return false // nobody knows
	case j.Synthetic != nil:
		return j.Synthetic.Size >= plentyBytes || j.Synthetic.Files >= plentyEntries
	}
	paths := j.Sources
	if len(j.Pairs) > 0 {
		paths = nil
		for _, p := range j.Pairs[:min(len(j.Pairs), plentyEntries)] {
			paths = append(paths, filepath.Join(j.Sources[0], p.Source))
		}
	}
	var bytes int64
	entries := 0
	enough := func() bool { return bytes >= plentyBytes || entries >= plentyEntries }
	for _, p := range paths {
		_ = filepath.WalkDir(p, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					bytes += info.Size()
				}
			}
			if entries++; enough() {
				return filepath.SkipAll
			}
			return nil // reading what cannot be read tells why
		})
	}
	return enough()
}

// greeting tries the path while the node still looks at the hello of a push: its
// answer and the first report then come together. See flow.NewGreeting.
type greeting struct {
	sock   *packetio.Conn
	flow   *flow.Sender
	origin time.Time
	stop   chan struct{}
	once   sync.Once
	done   chan struct{}
}

// beginGreeting starts one on sock where the path lets it pay, and says so in the hello;
// nil: it does not.
func beginGreeting(l *link, sock *packetio.Conn, h *control.Hello, least time.Duration, known *acquaintance) *greeting {
	if l.rtt < least {
		return nil
	}
	cipher := AES128
	if len(h.Ciphers) > 0 {
		cipher = Cipher(h.Ciphers[0])
	}
	id := newConnID()
	toNode, toClient, err := earlySecrets(l.toNode, l.toClient)
	if err != nil {
		return nil
	}
	origin := time.Now()
	cfg := flow.Config{
		ConnID: id, Suite: cipher.suite(), SendSecret: toNode, RecvSecret: toClient, Peer: l.data, Trusted: true, RTT: l.rtt,
		Policy: Policy(h.Policy).congestion(), TargetRate: float64(h.Rate), MinRate: float64(h.MinRate),
		Epoch: time.Duration(origin.UnixNano()),
	}
	known.brief(&cfg)
	cfg.Resume.Rate /= float64(flowsWanted(h.Flows)) // of the path, which they share
	f, err := flow.NewGreeting(cfg)
	if err != nil {
		return nil
	}
	h.ConnID, h.Early = uint64(id), string(cipher)
	g := &greeting{sock: sock, flow: f, origin: origin, stop: make(chan struct{}), done: make(chan struct{})}
	go g.pump(min(time.Duration(greetingWait*float64(l.rtt)), greetingMost))
	return g
}

// pump owns socket and flow until end.
func (g *greeting) pump(wait time.Duration) {
	defer close(g.done)
	select {
	case <-time.After(wait):
	case <-g.stop:
		return
	}
	batch, in := wire.NewBatch(), packetio.NewMessages()
	for {
		select {
		case <-g.stop:
			return
		default:
		}
		for batch.Reset(); g.flow.AppendDatagrams(time.Since(g.origin), batch) > 0; batch.Reset() {
			if g.sock.SendBatch(batch) != nil {
				return // the session finds out why
			}
		}
		if g.sock.Wait(min(g.flow.NextDeadline()-time.Since(g.origin), time.Second)) != nil {
			return
		}
		for {
			if n, err := g.sock.Recv(in); err != nil || n == 0 {
				break
			}
			now := time.Since(g.origin)
			for from, b := range in.All() {
				_ = g.flow.HandleDatagram(max(now-in.Age(), 0), from, b) // strangers'
			}
		}
	}
}

// end lets go of socket and flow; g may be nil.
func (g *greeting) end() {
	if g != nil {
		g.once.Do(func() { close(g.stop) })
		g.sock.Wake()
		<-g.done
	}
}

// earlySecrets are those of a flow that began before the node's answer. The
// cipher was then the client's guess, so they serve no other.
func earlySecrets(a, b []byte) (early, other []byte, err error) {
	if early, err = hkdf.Expand(sha256.New, a, "godwit/1 early", flow.SecretSize); err != nil {
		return nil, nil, newError(CodeInternal, "no keys for the data path", err)
	}
	if other, err = hkdf.Expand(sha256.New, b, "godwit/1 early", flow.SecretSize); err != nil {
		return nil, nil, newError(CodeInternal, "no keys for the data path", err)
	}
	return early, other, nil
}

// newConnID draws a connection id; 0 is none.
func newConnID() wire.ConnID {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	return wire.ConnID(max(binary.BigEndian.Uint32(id[:])&wire.ConnIDMost, 1))
}
