package transfer

import (
	"errors"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
)

// Data ride datagrams, or the control connection where datagrams do not get
// through. The sending end decides, and goes back when they do again; the
// receiving end takes both at any time.
//
//	datagrams --(nothing arrives at first, or no more)--> control connection
//	    ^                                                        |
//	    +---------------(probes are answered again)--------------+

const (
	// The first answer takes one round trip and little more. A second is what
	// users notice.
	firstWordLeast = 400 * time.Millisecond
	firstWordRTTs  = 2.5
	// A node that was slow to answer the hello is slow to answer data. So many
	// times as long is waited then, but no longer than for a route that changes.
	firstWordTook = 3
	// silenceMost is how long data may go unanswered later on: a route that
	// changes or a roaming client is back sooner.
	silenceMost = 2 * time.Second
	// answersEnough prove that the path lives; more than divertsMost changes
	// prove that it does not live well.
	answersEnough = 2
	divertsMost   = 3
)

// carriage is the part of a session that decides what its data ride.
type carriage struct {
	wish     Transport // of the client
	name     Transport // of data on the control connection
	able     bool      // the peer takes data there
	now      Transport // what data ride
	out      *streamSender
	in       *streamReceiver
	diverts  int
	arrived  uint64        // datagrams that the receiver had at the last look
	moved    time.Duration // when that last rose, or nothing was on its way
	parkedAt uint64        // arrived, when data left them
	frameAt  time.Duration // when the peer was last heard on the control connection
	seenIn   uint64        // bytes on the control connection at the last look
	seenUDP  uint64        // data bytes in datagrams at the last look
	took     time.Duration // by the node, to answer the hello; 0: unknown
	changed  func(t Transport, why error)
}

// streaming reports whether what is sent rides the control connection.
func (s *session) streaming() bool { return s.via.now != TransportUDP }

// embark decides what data ride at first. It fetches nothing: before run the
// session belongs to the goroutine that makes it, which holds no lock.
func (s *session) embark() {
	v := &s.via
	v.now, v.moved = TransportUDP, s.now()
	if s.rcv != nil {
		v.in = &streamReceiver{sink: s.rcv}
	} else {
		v.out = newStreamSender((*tap)(s))
	}
	if s.sock == nil || v.wish == TransportTCP {
		v.now = v.name
		s.setRates()
	}
}

// ship has the control connection fetch data from here on.
func (s *session) ship() {
	if s.snd == nil {
		return
	}
	if s.fsnd != nil {
		s.fsnd.Park(true)
	}
	s.ctl.carry(s.carry)
}

// carry is called by the control connection's writer.
func (s *session) carry(dst []byte) ([]byte, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.streaming() || s.ended() {
		return dst, 0
	}
	dst, wait := s.via.out.appendFrames(s.now(), dst)
	s.readOn()
	return dst, wait
}

// steer looks whether data should ride something else; under the lock.
func (s *session) steer(now time.Duration) {
	v := &s.via
	if s.rcv != nil {
		s.observe(now)
		return
	}
	if !v.able || v.wish != TransportAuto || s.sock == nil {
		return
	}
	st := s.fsnd.Stats(now)
	if s.streaming() {
		if st.ReceivedPackets >= v.parkedAt+answersEnough && v.diverts <= divertsMost {
			s.fsnd.Park(false)
			s.transport(TransportUDP, nil)
			s.sock.Wake()
		}
		return
	}
	if why := s.unheard(st, now); why != nil {
		v.parkedAt = st.ReceivedPackets
		v.diverts++
		s.transport(v.name, why)
		s.ship()
	}
}

// unheard says why datagrams do not get through, nil when they do as far as can
// be told.
func (s *session) unheard(st flow.Stats, now time.Duration) error {
	v := &s.via
	if st.ReceivedPackets != v.arrived || st.InFlight == 0 && st.Peer.IsValid() {
		v.arrived, v.moved = st.ReceivedPackets, now
	}
	first := max(firstWordLeast, time.Duration(firstWordRTTs*float64(s.rtt)), min(firstWordTook*v.took, silenceMost))
	switch waited := now - v.moved; {
	case v.arrived == 0 && waited > first:
		return newError(CodeUnreachable, "UDP does not get through to "+s.peer+": is it blocked, on the way or by a firewall?", nil)
	case v.arrived > 0 && waited > max(silenceMost, 2*first) && v.frameAt > v.moved:
		return newError(CodeUnreachable, "UDP no longer gets through to "+s.peer, nil)
	}
	return nil
}

// observe tells what arriving data ride.
func (s *session) observe(now time.Duration) {
	v := &s.via
	fresh := v.in.bytes > v.seenIn
	v.seenIn = v.in.bytes
	var udp uint64
	if s.frcv != nil {
		udp = s.frcv.Stats(now).DataBytes
	}
	switch {
	case fresh && v.now == TransportUDP:
		s.transport(v.name, newError(CodeUnreachable, "UDP does not get through from "+s.peer+": is it blocked, on the way or by a firewall?", nil))
	case !fresh && udp > v.seenUDP && v.now != TransportUDP:
		s.transport(TransportUDP, nil)
	}
	v.seenUDP = udp
	if rate := s.advertised(); rate != v.in.rate {
		v.in.note.MaxRate = rate
		if v.in.note.Count > 0 {
			s.ctl.send(control.TypeTaken, v.in.body())
		}
	}
}

func (s *session) transport(t Transport, why error) {
	s.via.now = t
	if why != nil {
		s.log.Info("data ride another transport", "transport", t, "reason", why)
	} else {
		s.log.Info("data ride another transport", "transport", t)
	}
	if s.via.changed != nil {
		s.via.changed(t, why)
	}
	s.setRates()
}

// payload takes data that came over the control connection; under the lock.
func (s *session) payload(body []byte) error {
	in := s.via.in
	if err := in.take(s.now(), body); err != nil {
		return err
	}
	if in.due(s.ctl.idle()) {
		in.note.MaxRate = s.advertised()
		s.ctl.send(control.TypeTaken, in.body())
	}
	return nil
}

func isFull(err error) bool { return errors.Is(err, job.ErrFull) }

// nudge lets the sending side go on; under the lock or without.
func (s *session) nudge() {
	if s.sock != nil {
		s.sock.Wake()
	}
	s.ctl.kick()
}

// figures are what a session knows of its path.
type figures struct {
	sent    int64 // bytes on the wire
	rtt     time.Duration
	loss    float64
	arrived uint64 // datagrams and payloads, as far as this end knows
	mtu     int    // UDP payload bytes of the datagrams; 0: none so far
}

// figures of the moment; under the lock.
func (s *session) figures(now time.Duration) figures {
	f := figures{rtt: s.rtt}
	if s.snd == nil {
		f.arrived = s.via.in.note.Count
		f.sent = int64(s.via.in.bytes)
		if s.frcv != nil {
			st := s.frcv.Stats(now)
			f.arrived += st.Packets
			f.mtu = st.Longest
			if st.Largest > st.Packets {
				f.loss = float64(st.Largest-st.Packets) / float64(st.Largest)
			}
			f.sent += int64(st.Bytes + 28*st.Packets)
		}
		return f
	}
	f.sent, f.arrived = int64(s.via.out.bytes), s.via.out.taken
	if s.fsnd != nil {
		st := s.fsnd.Stats(now)
		f.sent += int64(st.SentBytes)
		f.arrived += st.ReceivedPackets
		if !s.streaming() {
			f.rtt, f.loss, f.mtu = st.RTT, st.Loss, st.MTU
		}
	}
	return f
}
