package transfer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/mirror"
)

// listen takes the peer's control frames until the session is over.
func (s *session) listen() {
	for !s.ended() {
		t, body, err := s.ctl.next()
		if err != nil {
			if errors.Is(err, control.ErrMalformed) {
				s.fail(newError(CodeProtocol, s.peer+" broke the protocol", err))
				return
			}
			s.lastWords()
			s.fail(newError(CodeLost, "the connection to "+s.peer+" broke", err))
			return
		}
		if err := s.frame(t, body); err != nil {
			s.fail(err)
			return
		}
	}
}

// frame acts on one frame; an error ends the session.
func (s *session) frame(t control.Type, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.via.frameAt = s.now()
	if mirror.Carries(t) && !s.ctl.mirror.Passed(len(body)) {
		return nil // known by datagram
	}
	return s.act(t, body)
}

// act is under the lock.
func (s *session) act(t control.Type, body []byte) error {
	var err error
	switch {
	case t == control.TypePing:
	case t == control.TypeClose:
		return s.closed(body)
	case t == control.TypeMove:
		s.moving = true
		s.stop()
	case t == control.TypeRate && s.onRate != nil:
		var r control.Rate
		if err = control.ParseJSON(body, &r); err == nil {
			s.onRate(r)
		}
	case s.snd != nil:
		err = s.senderFrame(t, body)
	default:
		err = s.receiverFrame(t, body)
	}
	if err != nil {
		return newError(CodeProtocol, s.peer+" broke the protocol", err)
	}
	return nil
}

var errUnexpected = errors.New("unexpected control frame")

// senderFrame takes what a receiver says.
func (s *session) senderFrame(t control.Type, body []byte) error {
	defer s.wake()
	switch t {
	case control.TypeHave:
		err := control.ParseHaves(body, s.snd.Have)
		s.load.stir()
		return err
	case control.TypeVerdicts:
		err := control.ParseVerdicts(body, s.snd.Verdict)
		s.load.stir()
		return err
	case control.TypeProgress:
		p, err := control.ParseProgress(body)
		if err == nil {
			s.progress = p
			s.snd.Progress(p)
		}
		return err
	case control.TypeTaken:
		taken, err := control.ParseTaken(body)
		if err == nil {
			err = s.via.out.told(taken)
			s.readOn()
			s.ctl.kick()
		}
		return err
	case control.TypeFinished:
		if !s.snd.Finished() {
			return errUnexpected
		}
		s.finished = true
		s.fail(s.goodbye())
		return nil
	case control.TypeNames:
		page, err := control.ParseNames(body)
		if err != nil || s.load.names == nil {
			return errors.Join(err, errUnexpected)
		}
		err = s.load.names.push(page)
		s.load.stir()
		return err
	case control.TypeRemoved:
		var r control.Removed
		err := control.ParseJSON(body, &r)
		if err == nil && s.onRemoved != nil {
			s.onRemoved(r)
		}
		return err
	}
	return errUnexpected
}

// receiverFrame takes what a sender says.
func (s *session) receiverFrame(t control.Type, body []byte) error {
	switch t {
	case control.TypeData:
		return s.payload(body)
	case control.TypeEntry:
		return s.rcv.Entry(body)
	case control.TypeWithdraw:
		var w control.Withdraw
		err := control.ParseJSON(body, &w)
		if err == nil {
			s.rcv.Withdraw(w.ID)
		}
		return err
	case control.TypeTotals:
		err := control.ParseJSON(body, &s.totals)
		if err == nil && s.onTotals != nil {
			s.onTotals(s.totals)
		}
		return err
	case control.TypeTrouble:
		var x control.Trouble
		err := control.ParseJSON(body, &x)
		if err == nil && s.onTrouble != nil {
			s.onTrouble(x)
		}
		return err
	case control.TypeNames:
		page, err := control.ParseNames(body)
		if err != nil || s.pruning == nil {
			return errors.Join(err, errUnexpected)
		}
		return s.pruning.push(page)
	case control.TypeFinish:
		var f control.Finish
		if err := control.ParseJSON(body, &f); err != nil {
			return err
		}
		s.rcv.Finish(f)
		s.told = f.Retries == 0
		s.leave()
		return nil
	}
	return errUnexpected
}

// finish makes all durable and says so.
func (s *session) finish() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := s.land.finish(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.fail(newError(storeCode(err), "cannot finish the transfer", err))
		}
		return
	}
	if s.stopping {
		s.land.checkpoint()
	} else if s.pruning != nil {
		s.pruning.run(ctx, func(r control.Removed) { _ = s.ctl.sendJSON(control.TypeRemoved, r) })
	}
	s.mu.Lock()
	s.rcv.Flush()
	s.finished = true
	s.ctl.send(control.TypeFinished, nil)
	s.leave()
	s.mu.Unlock()
}

// leave ends a receiving client's session that the node has nothing more to say
// in: its goodbye would take a round trip. Under the lock.
func (s *session) leave() {
	if s.leaves && s.told && s.finished && !s.stopping {
		s.fail(nil)
	}
}

// goodbye is how a session that finished ends: well, or to go on elsewhere.
func (s *session) goodbye() error {
	if s.stopping || s.snd != nil && s.snd.Stopped() {
		return newError(CodeMoved, "the node asked to go on elsewhere", nil)
	}
	return nil
}

// closed takes the peer's Close.
func (s *session) closed(body []byte) error {
	var c control.Close
	if err := control.ParseJSON(body, &c); err != nil {
		return newError(CodeProtocol, s.peer+" broke the protocol", err)
	}
	if c.Code == "" || Code(c.Code) == CodeMoved && s.finished {
		if !s.finished {
			return newError(CodeLost, s.peer+" ended the session before it was done", nil)
		}
		s.fail(s.goodbye())
		return nil
	}
	return peerError(c)
}

// peerError is the error that a Close frame carries.
func peerError(c control.Close) *Error {
	return &Error{Code: Code(c.Code), Message: c.Message, RetryAfter: time.Duration(c.RetryAfterMS) * time.Millisecond}
}

// ticker reports progress and adjusts rates.
func (s *session) ticker() {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-t.C:
		}
		s.mu.Lock()
		now := s.now()
		s.tick(now)
		if s.onTick != nil {
			s.onTick(now)
		}
		s.mu.Unlock()
	}
}

// tick is under the lock.
func (s *session) tick(now time.Duration) {
	var stalled bool
	s.steer(now)
	s.rebalance(now)
	f := s.figures(now)
	if s.rcv != nil {
		s.land.hasten()
		s.rcv.Flush()
		s.tellProgress(now)
		s.advertise()
		stalled = f.arrived == 0 && !s.finished && s.rcv.Stats().Open == 0 && s.totals.Files > 0
	} else {
		stalled = !s.streaming() && (f.arrived == 0 && s.snd.Stats().Open > 0 || s.silence(now) > time.Second)
	}
	s.count()
	s.meter.add(now, s.bytes)
	if !stalled {
		s.quiet = now
	} else if now-s.quiet > mute {
		s.fail(newError(CodeUnreachable, "no datagrams get through to "+s.peer+
			": is UDP blocked, on the way or by a firewall?", nil))
	}
}

// silence is how long the flow that was heard of last has been waiting for an
// answer; under the lock.
func (s *session) silence(now time.Duration) time.Duration {
	least := flow.Forever
	for _, l := range s.lanes {
		if !l.parked {
			least = min(least, l.fsnd.Stats(now).Silence)
		}
	}
	return least
}

// tellProgress lets the sender know what was freed, which is what it may send:
// at once when it is much, else now and then. Under the lock.
func (s *session) tellProgress(now time.Duration) {
	p := s.rcv.Progress()
	freed := int64(p.Freed) - int64(s.reported.Freed)
	if p == s.reported || freed < s.memory/32 && now-s.reportedAt < freedEvery {
		return
	}
	s.reported, s.reportedAt = p, now
	s.ctl.send(control.TypeProgress, control.AppendProgress(nil, p))
}

// count notes how many data bytes have travelled; under the lock.
func (s *session) count() {
	if s.rcv != nil {
		s.bytes = s.rcv.Stats().Received
	} else {
		s.bytes = s.snd.Stats().Sent
	}
}

// advertised is what this end can take, bit/s: its share of a virtual link,
// less when buffers fill, which is when the disk is slower.
func (s *session) advertised() uint64 {
	rate := s.share
	if s.target > 0 && (rate == 0 || s.target < rate) {
		rate = s.target
	}
	// Blocks with holes wait for the network, which a lower rate does not help.
	fill := float64(s.rcv.Stats().Waiting) / float64(s.memory/2)
	if fill > 0.5 {
		disk := max(int64(float64(s.meter.rate)*(1.5-fill)), int64(hashtree.DefaultBlockSize))
		if rate == 0 || disk < rate {
			rate = disk
		}
	}
	return uint64(rate)
}

// advertise tells the sender what this end can take; under the lock.
func (s *session) advertise() {
	s.divide(int64(s.advertised()), 0, func(l *lane, limit, _ int64) { l.frcv.SetAdvertisedRate(uint64(limit)) })
}

// addrOf is a TCP or UDP address without 4-in-6 mapping.
func addrOf(a net.Addr) netip.AddrPort {
	var p netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		p = a.AddrPort()
	case *net.UDPAddr:
		p = a.AddrPort()
	default:
		return p
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
