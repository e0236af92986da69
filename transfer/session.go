package transfer

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	tickEvery = 50 * time.Millisecond
	// freedEvery is how often small progress is told: a frame costs both ends
	// more than a hundred datagrams do.
	freedEvery = 200 * time.Millisecond
	// mute is how long the data path may stay silent while it should not.
	// The control connection proves that the peer is there, so UDP is blocked.
	mute = 10 * time.Second
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

// session is one live session, at either end: a control connection, a flow,
// half a job and a disk. Its goroutines share one lock, which is held for
// state machines only, never for the network or the disk.
//
//	pump      the flow: datagrams in and out, pacing
//	control   frames in (the goroutine that called run)
//	ticker    reports, rates, events
//	loading or landing: disk workers
type session struct {
	ctl    *controlConn
	sock   socket // nil: no datagrams
	log    *slog.Logger
	origin time.Time
	peer   string // the other end, in messages
	memory int64
	rtt    time.Duration // of the control connection
	local  netip.Addr    // of a node, as its client sees it; invalid: unknown

	mu   sync.Mutex
	via  carriage
	flow endpoint
	fsnd *flow.Sender
	frcv *flow.Receiver
	snd  *job.Sender
	rcv  *job.Receiver
	load *loading
	land lander
	// pruning is what a receiver removes at the end; nil: nothing.
	pruning *pruning

	target, floor int64 // bit/s wanted; 0: no limit
	policy        Policy
	share         int64 // bit/s that a virtual link leaves; 0: no limit
	starved       bool  // the flow waits for the job
	moving        bool  // the peer or we want this session to go on elsewhere
	finished      bool  // Finished was sent or received: all is durable
	stopping      bool  // the end came by Stop: objects are left
	leaves        bool  // a receiver that ends when all is durable: see leave
	told          bool  // the sender's Finish came, and all frames before it
	finishing     sync.WaitGroup
	progress      control.Progress
	reported      control.Progress
	reportedAt    time.Duration
	totals        control.Totals
	meter         meter
	bytes         int64
	quiet         time.Duration // since when the data path is mute

	over  chan struct{} // closed once, by fail or by the end
	once  sync.Once
	cause error

	onTotals  func(control.Totals)  // under the lock
	onTrouble func(control.Trouble) // under the lock
	onRate    func(control.Rate)    // under the lock
	onRemoved func(control.Removed) // under the lock
	onTick    func(now time.Duration)
}

// lander is where a receiving session puts what arrives: a disk, a stream, or
// nowhere.
type lander interface {
	// callbacks sets what the job.Receiver calls, under the session's lock.
	callbacks(*job.ReceiverConfig)
	start(*job.Receiver)
	// finish makes all durable, checkpoint what came so far; without the lock.
	finish(context.Context) error
	checkpoint()
	// close ends all work when the session is over.
	close()
}

// newSession makes a session of an open control connection and data socket.
func newSession(ctl *controlConn, sock socket, log *slog.Logger, memory int64) *session {
	return &session{ctl: ctl, sock: sock, log: log, origin: time.Now(), memory: memory, over: make(chan struct{})}
}

func (s *session) now() time.Duration { return time.Since(s.origin) }

// send sets the session up to send from l.
func (s *session) send(cfg flow.Config, jc job.SenderConfig, l *loading) error {
	jc.Control, jc.Release = s.ctl.send, l.pool.Put
	s.snd = job.NewSender(jc)
	cfg.Epoch = time.Duration(s.origin.UnixNano())
	if s.fsnd != nil { // of a greeting
		s.fsnd.Begin((*tap)(s), cfg.Parity)
	} else if f, err := flow.NewSender(cfg, (*tap)(s)); err != nil {
		return err
	} else {
		s.fsnd = f
	}
	s.flow, s.load = s.fsnd, l
	s.embark()
	s.setRates() // as granted, should the flow be a greeting's
	l.wake, l.control = s.wake, func(t control.Type, v any) { _ = s.ctl.sendJSON(t, v) }
	l.bulk = s.ctl.sendBulk
	return nil
}

// receive sets the session up to receive into l.
func (s *session) receive(cfg flow.Config, pool *job.Pool, l lander) error {
	jc := job.ReceiverConfig{Memory: s.memory, Pool: pool, Control: s.ctl.send}
	l.callbacks(&jc)
	jc.Done = func(stopped bool) {
		s.stopping = stopped
		if !s.ended() { // run waits for what began before it looked under the lock
			s.finishing.Go(s.finish)
		}
	}
	s.rcv = job.NewReceiver(jc)
	cfg.Parity = parityOf(s.memory)
	f, err := flow.NewReceiver(cfg, s.rcv)
	if err != nil {
		return err
	}
	s.frcv, s.flow, s.land = f, f, l
	s.embark()
	return nil
}

// tap is the job's Sender as the flow sees it: it notes when the flow starves.
type tap session

func (t *tap) Fill(now time.Duration, buf []byte) (int, uint64) {
	n, token := t.snd.Fill(now, buf)
	if n == 0 {
		t.starved = true
	}
	return n, token
}

func (t *tap) Repeat(now time.Duration, token uint64, buf []byte) int {
	return t.snd.Repeat(now, token, buf)
}
func (t *tap) Acked(token uint64) { t.snd.Acked(token) }
func (t *tap) Lost(token uint64)  { t.snd.Lost(token) }
func (t *tap) Left() int64        { return t.snd.Left() }

// wake tells the flow that the job has something again; under the lock.
func (s *session) wake() {
	if s.starved {
		s.starved = false
		s.fsnd.Wake()
		s.via.out.wake()
		s.nudge()
	}
}

// run works until the session is over and returns why: nil when all is done. When ctx ends first, the peer is told
// halt: whoever serves asks it to go on elsewhere, which is no cancellation of the transfer.
func (s *session) run(ctx context.Context, halt *Error) error {
	if s.load != nil {
		s.load.start(ctx, &s.mu, s.snd)
	} else {
		s.land.start(s.rcv)
	}
	s.mu.Lock()
	if s.streaming() {
		s.ship()
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	if s.sock != nil {
		wg.Go(s.pump)
	}
	wg.Go(s.ticker)
	wg.Go(s.listen)
	select {
	case <-ctx.Done():
		s.fail(halt)
	case <-s.over:
	}
	s.nudge()
	_ = s.ctl.sendJSON(control.TypeClose, closeFrame(s.cause))
	if CodeOf(s.cause) == CodeLost {
		s.ctl.abort()
	} else {
		s.ctl.close()
	}
	wg.Wait()
	s.mu.Lock()
	s.count() // also of a session too short for a tick
	s.mu.Unlock()
	if s.sock != nil {
		_ = s.sock.Close()
	}
	s.finishing.Wait()
	if s.load != nil {
		s.load.close()
	} else {
		s.land.close()
	}
	return s.cause
}

// fail ends the session; the first cause stays. nil is a good end.
func (s *session) fail(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.over)
		s.nudge()
	})
}

func (s *session) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// rester is a socket whose reader may let datagrams gather.
type rester interface {
	Rest(d time.Duration)
	Buffer() int
}

const (
	// restMost is how long a receiver lets datagrams gather: a thousand wake-ups a
	// second cost little, and reports have no need to be more exact. The kernel
	// notes when each datagram came.
	restMost = time.Millisecond
	// ageMost is how much of the time that a datagram lay in the socket is taken
	// out of its delay: resting is no queue, but a host that cannot keep up is.
	ageMost = 2 * restMost
	// restLeast is the least that is worth it.
	restLeast = 100 * time.Microsecond
	// restBytes is what has to come in between for resting to save anything.
	restBytes = 4 << 10
)

// restFor says how long to rest after bytes came within since: not long enough
// for a quarter of the socket's buffer to fill.
func restFor(bytes, buffer int, since time.Duration) time.Duration {
	if bytes < restBytes || buffer == 0 || since <= 0 {
		return 0
	}
	d := min(restMost, time.Duration(float64(buffer)/4*float64(since)/float64(bytes)))
	if d < restLeast {
		return 0
	}
	return d
}

// pumpBatches is how many batches (64 KB each) leave before the pump looks at
// what has come in: reports must not wait behind data.
const pumpBatches = 4

// pump owns the flow's I/O.
func (s *session) pump() {
	batch, in := wire.NewBatch(), packetio.NewMessages()
	port, _ := s.sock.(*packetio.Port)
	var rest rester
	if s.rcv != nil {
		rest, _ = s.sock.(rester)
	}
	var checked, looked, gather time.Duration
	more := false
	for !s.ended() {
		if err := s.emit(batch); err != nil {
			s.fail(newError(CodeLost, "the data path broke", err))
			return
		}
		s.mu.Lock()
		s.readOn()
		now := s.now()
		wait := s.flow.NextDeadline() - now
		if port != nil && (now-checked > tickEvery || !port.Connected().IsValid()) {
			checked = now
			s.follow(port)
		}
		s.mu.Unlock()
		var err error
		if gather = min(gather, wait); more {
			// Resting or waiting now would make a queue of what is here.
		} else if gather >= restLeast {
			rest.Rest(gather)
		} else {
			err = s.sock.Wait(min(wait, time.Second))
		}
		bytes := 0
		if err == nil {
			bytes, more, err = s.absorb(in)
		}
		if gather = 0; rest != nil {
			now := s.now()
			gather = restFor(bytes, rest.Buffer(), now-looked)
			looked = now
		}
		if err != nil {
			if errors.Is(err, job.ErrRecord) {
				s.fail(newError(CodeProtocol, s.peer+" sends what nobody understands", err))
			} else if !s.ended() {
				s.fail(newError(CodeLost, "the data path broke", err))
			}
			return
		}
	}
}

// readOn has a sender's disk read what there is room for; under the lock.
func (s *session) readOn() {
	if s.load != nil && s.snd.Wants() {
		s.load.wanted.Signal()
	}
}

// emit sends a few batches of what the flow may send now. The lock is not
// held while the kernel works.
func (s *session) emit(batch *wire.Batch) error {
	for range pumpBatches {
		batch.Reset()
		s.mu.Lock()
		n := s.flow.AppendDatagrams(s.now(), batch)
		s.mu.Unlock()
		if n == 0 {
			return nil
		}

		err := s.sock.SendBatch(batch)
		if errors.Is(err, packetio.ErrTooLong) && s.fsnd != nil {
			s.mu.Lock()
			s.fsnd.TooLong(batch.Segment())
			s.mu.Unlock()
		} else if err != nil && !s.ended() {
			return err
		}
	}
	return nil
}

// absorb takes what has arrived, at most a few reads, says how many bytes that
// was and whether there may be more.
func (s *session) absorb(in *packetio.Messages) (bytes int, more bool, err error) {
	for range pumpBatches {
		n, err := s.sock.Recv(in)
		if err != nil || n == 0 {
			return bytes, false, err
		}
		bytes += in.Bytes()
		if err := s.take(in); err != nil {
			return bytes, false, err
		}
	}
	return bytes, true, nil
}

// take hands datagrams to the flow. Errors of single datagrams are a
// stranger's or the network's; only authentic nonsense is an error.
func (s *session) take(in *packetio.Messages) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for from, b := range in.All() {
		age := min(in.Age(), now)
		rested := min(age, ageMost)
		s.flow.Waited(age - rested)
		if err := s.flow.HandleDatagram(now-rested, from, b); errors.Is(err, job.ErrRecord) {
			return err
		}
	}
	return nil
}

// follow gives a node's port a socket of its own once the peer has proved its
// address.
func (s *session) follow(port *packetio.Port) {
	var peer netip.AddrPort
	var proven bool
	if s.fsnd != nil {
		st := s.fsnd.Stats(s.now())
		peer, proven = st.Peer, st.PeerProven
	} else {
		st := s.frcv.Stats(s.now())
		peer, proven = st.Peer, st.PeerProven
	}
	if !proven || port.Connected() == peer {
		return
	}
	if err := port.Connect(s.local, peer); err != nil {
		s.log.Debug("no socket of its own for a session", "peer", peer, "error", err)
	}
}

// setRates applies target, floor, policy and share to the flow; under the
// lock.
func (s *session) setRates() {
	if s.fsnd != nil {
		target := s.target
		if s.share > 0 && (target == 0 || s.share < target) {
			target = s.share
		}
		s.fsnd.SetRate(float64(target), float64(min(s.floor, max(target, s.floor))))
		s.fsnd.SetPolicy(s.policy.congestion())
		s.via.out.setRate(target)
		s.nudge()
	}
}

func (p Policy) congestion() congestion.Policy {
	switch p {
	case Fixed:
		return congestion.Fixed
	case High:
		return congestion.High
	case Low:
		return congestion.Low
	default:
		return congestion.Fair
	}
}

func (c Cipher) suite() flow.Suite {
	suite, err := flow.ParseSuite(string(c))
	if err != nil {
		return flow.AES128GCM
	}
	return suite
}

// stop asks a sending session to leave what it has not begun; under the lock.
func (s *session) stop() {
	if s.snd != nil {
		s.snd.Stop()
		s.load.stir()
		s.wake()
	}
}

// wishRate asks the node for another rate or policy and applies it here.
func (s *session) wishRate(rate *int64, p Policy) {
	_ = s.ctl.sendJSON(control.TypeRate, control.Rate{Rate: rate, Policy: string(p)})
	s.mu.Lock()
	defer s.mu.Unlock()
	if rate != nil {
		s.target = *rate
	}
	if p != "" {
		s.policy = p
	}
	s.setRates()
}
