package transfer

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/vlink"
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

// session is one live session, at either end: a control connection, a flow or
// several, half a job and a disk. Its goroutines share one lock, which is held
// for state machines only, never for the network or the disk.
//
//	pump      one for each flow: datagrams in and out, pacing
//	control   frames in (the goroutine that called run)
//	ticker    reports, rates, events
//	loading or landing: disk workers
type session struct {
	ctl        *controlConn
	lanes      []*lane // one at least; none is added once the session runs
	log        *slog.Logger
	origin     time.Time
	peer       string // the other end, in messages
	memory     int64
	rtt        time.Duration // of the control connection
	mirrorFrom time.Duration // round trip from which it is mirrored
	local      netip.Addr    // of a node, as its client sees it; invalid: unknown

	known acquaintance // with the path

	mu   sync.Mutex
	via  carriage
	snd  *job.Sender
	rcv  *job.Receiver
	load *loading
	land lander
	// pruning is what a receiver removes at the end; nil: nothing.
	pruning *pruning

	target, floor int64 // bit/s wanted; 0: no limit
	portions      vlink.Link
	group         congestion.Group // of its flows
	policy        Policy
	share         int64 // bit/s that a virtual link leaves; 0: no limit
	starved       bool  // the control connection waits for the job
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
	// hasten ends the waiting of work for more of it; under the lock, each tick.
	hasten()
	// finish makes all durable, checkpoint what came so far; without the lock.
	finish(context.Context) error
	checkpoint()
	// close ends all work when the session is over; goesOn: another one of the same
	// transfer may follow.
	close(goesOn bool)
}

// newSession makes a session of an open control connection and data socket.
func newSession(ctl *controlConn, sock socket, log *slog.Logger, memory int64) *session {
	s := &session{ctl: ctl, log: log, origin: time.Now(), memory: memory, over: make(chan struct{})}
	s.lanes = []*lane{{session: s, sock: sock}}
	return s
}

func (s *session) now() time.Duration { return time.Since(s.origin) }

// send sets the session up to send from l.
func (s *session) send(cfg flow.Config, jc job.SenderConfig, l *loading) error {
	jc.Control, jc.Release = s.ctl.send, l.pool.Put
	s.snd = job.NewSender(jc)
	cfg.Epoch = time.Duration(s.origin.UnixNano())
	cfg.Resume.Rate /= float64(len(s.lanes)) // of the path, which they share
	for _, l := range s.lanes {
		if err := l.send(cfg); err != nil {
			return err
		}
	}
	s.mirror()
	s.load = l
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
	for _, l := range s.lanes {
		if err := l.receive(cfg); err != nil {
			return err
		}
	}
	s.mirror()
	s.land = l
	s.embark()
	return nil
}

// tap is the job's Sender as the control connection sees it: it notes when that
// starves.
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

// wake tells whoever waits for it that the job has something again; under the
// lock.
func (s *session) wake() {
	for _, l := range s.lanes {
		l.feed()
	}
	if s.starved {
		s.starved = false
		s.via.out.wake()
		s.ctl.kick()
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
	var wg, pumps sync.WaitGroup
	for _, l := range s.lanes {
		if l.sock != nil {
			pumps.Go(l.pump)
		}
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
	pumps.Wait()
	if told := s.farewell(); CodeOf(s.cause) == CodeLost || told && !s.ctl.attached() {
		s.ctl.abort()
	} else {
		s.ctl.close()
	}
	wg.Wait()
	s.mu.Lock()
	s.count() // also of a session too short for a tick
	s.learn()
	s.mu.Unlock()
	s.closeSockets()
	s.finishing.Wait()
	if s.load != nil {
		s.load.close()
	} else {
		s.land.close(CodeOf(s.cause).Retryable())
	}
	return s.cause
}

func (s *session) closeSockets() {
	for _, l := range s.lanes {
		if l.sock != nil {
			_ = l.sock.Close()
		}
	}
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

// readOn has a sender's disk read what there is room for; under the lock.
func (s *session) readOn() {
	if s.load != nil && s.snd.Wants() {
		s.load.wanted.Signal()
	}
}

// setRates applies target, floor, policy and share to the flows; under the
// lock.
func (s *session) setRates() {
	if s.snd == nil {
		return
	}
	for _, l := range s.lanes {
		l.fsnd.SetPolicy(s.policy.congestion())
	}
	s.pace()
	s.via.out.setRate(s.limit())
	s.nudge()
}

// limit is what the flows may send together, bit/s; 0: no limit.
func (s *session) limit() int64 {
	if s.share > 0 && (s.target == 0 || s.share < s.target) {
		return s.share
	}
	return s.target
}

// pace gives each flow its part of the limit; under the lock.
func (s *session) pace() {
	s.divide(s.limit(), s.floor, func(l *lane, limit, least int64) {
		l.fsnd.SetRate(float64(limit), float64(least))
	})
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
