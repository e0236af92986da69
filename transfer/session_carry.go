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
	wish    Transport // of the client
	name    Transport // of data on the control connection
	able    bool      // the peer takes data there
	now     Transport // what data ride
	out     *streamSender
	in      *streamReceiver
	frameAt time.Duration // when the peer was last heard on the control connection
	seenIn  uint64        // bytes on the control connection at the last look
	seenUDP uint64        // data bytes in datagrams at the last look
	took    time.Duration // by the node, to answer the hello; 0: unknown
	changed func(t Transport, why error)
}

// streaming reports whether what is sent rides the control connection.
func (s *session) streaming() bool { return s.via.now != TransportUDP }

// embark decides what data ride at first. It fetches nothing: before run the
// session belongs to the goroutine that makes it, which holds no lock.
func (s *session) embark() {
	v := &s.via
	v.now = TransportUDP
	for _, l := range s.lanes {
		l.moved = s.now()
	}
	if s.rcv != nil {
		v.in = &streamReceiver{sink: s.rcv}
	} else {
		v.out = newStreamSender((*tap)(s))
	}
	if s.lanes[0].sock == nil || v.wish == TransportTCP || s.shuns() {
		v.now = v.name
		s.setRates()
	}
}

// ship has the control connection fetch data from here on.
func (s *session) ship() {
	if s.snd == nil {
		return
	}
	for _, l := range s.lanes {
		l.park(true)
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
	if s.rcv != nil {
		s.observe(now)
		return
	}
	for _, l := range s.lanes {
		if l.sock != nil {
			l.steer(now)
		}
	}
}

// steer gives the lane up when nothing gets through any more, and takes it up
// again when something does. What was on its way there goes by others; the last
// lane is left for the control connection only.
func (l *lane) steer(now time.Duration) {
	s, st := l.session, l.fsnd.Stats(now)
	if l.parked {
		if st.ReceivedPackets >= l.parkedAt+answersEnough && l.diverts <= divertsMost && s.via.wish != TransportTCP {
			l.park(false)
			if s.streaming() {
				s.transport(TransportUDP, nil)
			}
			l.wake()
		}
		return
	}
	why := l.unheard(st, now)
	if why == nil || s.open() == 1 && (!s.via.able || s.via.wish != TransportAuto) {
		return
	}
	l.parkedAt = st.ReceivedPackets
	l.diverts++
	l.park(true)
	if s.open() > 0 {
		s.log.Info("a flow is given up, the others go on", "reason", why)
		s.wake()
		return
	}
	s.transport(s.via.name, why)
	s.ship()
}

// open is how many lanes take data.
func (s *session) open() (n int) {
	for _, l := range s.lanes {
		if !l.parked {
			n++
		}
	}
	return n
}

// park has data go another way, or come back.
func (l *lane) park(parked bool) {
	l.parked = parked
	l.fsnd.Park(parked)
	l.session.group.Resize(l.session.open())
	l.session.pace()
}

// unheard says why datagrams do not get through, nil when they do as far as can
// be told.
func (l *lane) unheard(st flow.Stats, now time.Duration) error {
	s := l.session
	v := &s.via
	if st.ReceivedPackets != l.arrived || st.InFlight == 0 && st.Peer.IsValid() {
		l.arrived, l.moved = st.ReceivedPackets, now
	}
	first := max(firstWordLeast, time.Duration(firstWordRTTs*float64(s.rtt)), min(firstWordTook*v.took, silenceMost))
	switch waited := now - l.moved; {
	case l.arrived == 0 && waited > first:
		return newError(CodeUnreachable, "UDP does not get through to "+s.peer+": is it blocked, on the way or by a firewall?", nil)
	case l.arrived > 0 && waited > max(silenceMost, 2*first) && v.frameAt > l.moved:
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
	for _, l := range s.lanes {
		udp += l.frcv.Stats(now).DataBytes
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
	for _, l := range s.lanes {
		l.wake()
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
		var came, most uint64
		for _, l := range s.lanes {
			st := l.frcv.Stats(now)
			came += st.Packets
			most += max(st.Largest, st.Packets)
			f.mtu = max(f.mtu, st.Longest)
			f.sent += int64(st.Bytes + 28*st.Packets)
		}
		f.arrived += came
		if most > came {
			f.loss = float64(most-came) / float64(most)
		}
		return f
	}
	f.sent, f.arrived = int64(s.via.out.bytes), s.via.out.taken
	var rtt, loss, weight float64 // of each flow, by what it carries
	for _, l := range s.lanes {
		st := l.fsnd.Stats(now)
		f.sent += int64(st.SentBytes)
		f.arrived += st.ReceivedPackets
		if !l.parked {
			w := st.Delivered + 1
			rtt, loss, weight = rtt+w*st.RTT.Seconds(), loss+w*st.Loss, weight+w
			f.mtu = max(f.mtu, st.MTU)
		}
	}
	if weight > 0 && !s.streaming() {
		f.rtt, f.loss = time.Duration(rtt/weight*float64(time.Second)), loss/weight
	}
	return f
}
