package transfer

import (
	"errors"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/vlink"
	"github.com/godwit/godwit/transfer/wire"
)

// socket is what a packetio.Conn and a packetio.Port have in common.
type socket interface {
	SendBatch(*wire.Batch) error
	Recv(*packetio.Messages) (int, error)
	Wait(time.Duration) error
	Wake()
	Close() error
}

// endpoint is what a flow.Sender and a flow.Receiver have in common.
type endpoint interface {
	HandleDatagram(now time.Duration, from netip.AddrPort, b []byte) error
	Waited(d time.Duration)
	AppendDatagrams(now time.Duration, b *wire.Batch) int
	NextDeadline() time.Duration
}

// lane is one flow of a session, with its socket. A goroutine of its own moves
// its datagrams; the rest is under the session's lock.
type lane struct {
	session *session
	index   int    // in the session's lanes
	sock    socket // nil: no datagrams
	flow    endpoint
	fsnd    *flow.Sender
	frcv    *flow.Receiver
	starved bool // the flow waits for the job

	// Of all but the first, which has the session's own.
	id                     wire.ConnID
	sendSecret, recvSecret []byte

	portion   *vlink.Member // of a rate that is set for all; nil: none
	counted   int64         // bytes that had come at countedAt
	countedAt time.Duration
	rate      int64 // bit/s before that

	parked   bool          // data go another way
	diverts  int           // how often they did
	arrived  uint64        // datagrams that the receiver had at the last look
	moved    time.Duration // when that last rose, or nothing was on its way
	parkedAt uint64        // arrived, when data left
}

// send gives the lane its sending end.
func (l *lane) send(all flow.Config) error {
	cfg := l.config(all)
	if l.fsnd != nil { // of a greeting
		l.fsnd.Begin((*laneTap)(l), cfg.Parity)
		l.fsnd.Join(cfg.Group)
	} else if f, err := flow.NewSender(cfg, (*laneTap)(l)); err != nil {
		return err
	} else {
		l.fsnd = f
	}
	l.flow = l.fsnd
	return nil
}

// receive gives the lane its receiving end.
func (l *lane) receive(cfg flow.Config) error {
	f, err := flow.NewReceiver(l.config(cfg), l.session.rcv)
	if err != nil {
		return err
	}
	l.frcv, l.flow = f, f
	return nil
}

// laneTap is the job's Sender as one flow sees it: it notes when the flow starves.
type laneTap lane

func (t *laneTap) Fill(now time.Duration, buf []byte) (int, uint64) {
	n, token := t.session.snd.Fill(now, buf)
	if n == 0 {
		t.starved = true
	}
	return n, token
}

func (t *laneTap) Repeat(now time.Duration, token uint64, buf []byte) int {
	return t.session.snd.Repeat(now, token, buf)
}
func (t *laneTap) Acked(token uint64) { t.session.snd.Acked(token) }

// Lost gives the content back to the job: whichever flow asks first sends it again.
func (t *laneTap) Lost(token uint64) {
	t.session.snd.Lost(token)
	for _, l := range t.session.lanes {
		if l.index != t.index && !l.parked {
			l.feed()
		}
	}
}

// Left is the flow's part of what is left.
func (t *laneTap) Left() int64 {
	left := t.session.snd.Left()
	if left > 0 {
		left = max(left/int64(max(t.session.open(), 1)), 1)
	}
	return left
}

// feed lets a flow that starved ask the job again; under the lock.
func (l *lane) feed() {
	if l.starved {
		l.starved = false
		l.fsnd.Wake()
		l.wake()
	}
}

// wake ends the pump's wait.
func (l *lane) wake() {
	if l.sock != nil {
		l.sock.Wake()
	}
}

// rester is a socket whose reader may let datagrams gather.
type rester interface {
	Rest(d time.Duration)
	Buffer() int
}

const (
	// A receiver lets datagrams gather for restNear, or for a restPart of the round
	// trip where that is longer, up to restMost: five to ten hundred wake-ups a second
	// cost little, and reports have no need to be more exact. The kernel notes when
	// each datagram came.
	restNear = time.Millisecond
	restMost = 2 * time.Millisecond
	restPart = 50
	// ageRests is how many rests of the time that a datagram lay in the socket are
	// taken out of its delay: resting is no queue, but a host that cannot keep up is.
	ageRests = 2
	// restLeast is the least that is worth it.
	restLeast = 100 * time.Microsecond
	// restBytes is what has to come in between for resting to save anything.
	restBytes = 4 << 10
)

// restMostAt is the longest rest on a path with such a round trip.
func restMostAt(rtt time.Duration) time.Duration {
	return min(max(rtt/restPart, restNear), restMost)
}

// restFor says how long to rest on a path with such a round trip after bytes came
// within since: not long enough for a quarter of the socket's buffer to fill.
func restFor(bytes, buffer int, since, rtt time.Duration) time.Duration {
	if bytes < restBytes || buffer == 0 || since <= 0 {
		return 0
	}
	d := min(restMostAt(rtt), time.Duration(float64(buffer)/4*float64(since)/float64(bytes)))
	if d < restLeast {
		return 0
	}
	return d
}

// pumpBatches is how many batches (64 KB each) leave before the pump looks at
// what has come in: reports must not wait behind data.
const pumpBatches = 4

// turnBytes is after how much of what has come in a receiver's pump lets others go
// first. On a host that cannot keep up, its sessions then share it alike, instead
// of by how much each of their peers has dared to send ahead.
const turnBytes = 192 << 10

// receiving is how many pumps of this process receive.
var receiving atomic.Int32

// giveWay lets other sessions go first. Where there is none it would only wake a
// thread, to find nothing to do.
func giveWay() {
	if receiving.Load() > 1 {
		runtime.Gosched()
	}
}

// pump owns the flow's I/O.
func (l *lane) pump() {
	s := l.session
	batch, in := wire.NewBatch(), packetio.NewMessages()
	port, _ := l.sock.(*packetio.Port)
	var rest rester
	if s.rcv != nil {
		rest, _ = l.sock.(rester)
		receiving.Add(1)
		defer receiving.Add(-1)
	}
	var checked, looked, gather time.Duration
	came := 0
	for !s.ended() {
		// Look before speaking: what came while the session was being set up, or the host
		// was busy, belongs into the next report. In one after it that would seem to have
		// come in between.
		bytes, more, err := l.absorb(in)
		if err != nil {
			l.broke(err)
			return
		}
		came += bytes
		if more {
			giveWay()
		} else if gather = 0; rest != nil {
			now := s.now()
			gather = restFor(came, rest.Buffer(), now-looked, s.rtt)
			came, looked = 0, now
		}
		if err := l.emit(batch); err != nil {
			l.broke(err)
			return
		}
		s.mu.Lock()
		s.readOn()
		now := s.now()
		wait := l.flow.NextDeadline() - now
		if port != nil && (now-checked > tickEvery || !port.Connected().IsValid()) {
			checked = now
			l.follow(port)
		}
		s.mu.Unlock()
		if gather = min(gather, wait); more {
			// Resting or waiting now would make a queue of what is here.
		} else if gather >= restLeast {
			rest.Rest(gather)
		} else if err := l.sock.Wait(min(wait, time.Second)); err != nil {
			l.broke(err)
			return
		}
	}
}

// broke ends the session for what absorb, emit or the socket said.
func (l *lane) broke(err error) {
	s := l.session
	if errors.Is(err, job.ErrRecord) {
		s.fail(newError(CodeProtocol, s.peer+" sends what nobody understands", err))
	} else if !s.ended() {
		s.fail(newError(CodeLost, "the data path broke", err))
	}
}

// emit sends a few batches of what the flow may send now. The lock is not
// held while the kernel works.
func (l *lane) emit(batch *wire.Batch) error {
	s := l.session
	for range pumpBatches {
		batch.Reset()
		s.mu.Lock()
		n := l.flow.AppendDatagrams(s.now(), batch)
		s.mu.Unlock()
		if n == 0 {
			return nil
		}

		err := l.sock.SendBatch(batch)
		if errors.Is(err, packetio.ErrTooLong) && l.fsnd != nil {
			s.mu.Lock()
			l.fsnd.TooLong(batch.Segment())
			s.mu.Unlock()
		} else if err != nil && !s.ended() {
			return err
		}
	}
	return nil
}

// absorb takes what has arrived, at most a few reads or a turn, says how many bytes
// that was and whether there may be more.
func (l *lane) absorb(in *packetio.Messages) (bytes int, more bool, err error) {
	for range pumpBatches {
		n, err := l.sock.Recv(in)
		if err != nil || n == 0 {
			return bytes, false, err
		}
		bytes += in.Bytes()
		if err := l.take(in); err != nil {
			return bytes, false, err
		}
		if bytes >= turnBytes {
			break
		}
	}
	return bytes, true, nil
}

// take hands datagrams to the flow. Errors of single datagrams are a
// stranger's or the network's; only authentic nonsense is an error.
func (l *lane) take(in *packetio.Messages) error {
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for from, b := range in.All() {
		age := in.Age() // of what came before the session was: more than now
		rested := min(age, ageRests*restMostAt(s.rtt), now)
		l.flow.Waited(age - rested)
		if err := l.flow.HandleDatagram(now-rested, from, b); errors.Is(err, job.ErrRecord) {
			return err
		}
	}
	s.reflect()
	if l.index == 0 && l.fsnd != nil {
		s.lead()
	}
	return nil
}

// follow gives a node's port a socket of its own once the peer has proved its
// address.
func (l *lane) follow(port *packetio.Port) {
	s := l.session
	var peer netip.AddrPort
	var proven bool
	if l.fsnd != nil {
		st := l.fsnd.Stats(s.now())
		peer, proven = st.Peer, st.PeerProven
	} else {
		st := l.frcv.Stats(s.now())
		peer, proven = st.Peer, st.PeerProven
	}
	if !proven || port.Connected() == peer {
		return
	}
	if err := port.Connect(s.local, peer); err != nil {
		s.log.Debug("no socket of its own for a session", "peer", peer, "error", err)
	}
}
