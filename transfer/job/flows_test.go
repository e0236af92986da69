package job

import (
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

// simLane is one flow of a session, on a path of its own.
type simLane struct {
	fs       *flow.Sender
	fr       *flow.Receiver
	sh, rh   *simnet.Host
	up, down *simnet.Link

	parked   bool
	arrived  uint64        // datagrams that the receiver had at the last look
	moved    time.Duration // when that last rose
	parkedAt uint64        // arrived, when data left
}

// death is the end of a flow's path, and perhaps its return.
type death struct {
	session, flow int // the first ones are 1 and 0
	at, back      time.Duration
}

// addLane adds a flow with its part of the path.
func (s *simSession) addLane() {
	w, i := s.w, len(s.lanes)
	n := max(w.flows, 1)
	rate := w.path.rate / float64(n)
	link := simnet.Link{
		Rate: rate, Queue: max(int(rate/8*0.05), 64<<10), Delay: w.path.rtt / 2, Loss: w.path.loss,
		Jitter: w.path.jitter, Reorder: w.path.jitter > 0, Duplicate: w.path.duplicate, Corrupt: w.path.corrupt,
	}
	if n == 1 {
		link.Queue = int(rate / 8 * 0.05)
	}
	l := &simLane{up: s.net.NewLink(link), down: s.net.NewLink(link)}
	node := netip.AddrPortFrom(nodeAddr.Addr(), nodeAddr.Port()+uint16(i))
	client := netip.AddrPortFrom(clientAddr.Addr(), clientAddr.Port()+uint16(i))
	id, a, b := wire.ConnID(7+i), key(byte(1+2*i)), key(byte(2+2*i))
	cs := flow.Config{ConnID: id, SendSecret: a, RecvSecret: b, Peer: node, Trusted: true, RTT: w.path.rtt, Rand: reader{w.rng}}
	cr := flow.Config{ConnID: id, SendSecret: b, RecvSecret: a, RTT: w.path.rtt, Rand: reader{w.rng}}
	cs.Parity = 32 << 20 / int64(n)
	cr.Parity = cs.Parity
	if n > 1 {
		s.group.Resize(n)
		cs.Group, cs.Follows = &s.group, i > 0
	}
	var err error
	if l.fs, err = flow.NewSender(cs, s.snd); err != nil {
		w.t.Fatal(err)
	}
	if l.fr, err = flow.NewReceiver(cr, s.rcv); err != nil {
		w.t.Fatal(err)
	}
	l.sh, l.rh = s.net.NewHost(client, l.fs, l.up), s.net.NewHost(node, l.fr, l.down)
	s.lanes = append(s.lanes, l)
}

// die has paths end and return as it is their fate.
func (s *simSession) die() {
	for _, d := range s.w.deaths {
		if d.session != s.w.sessions {
			continue
		}
		l := s.lanes[d.flow]
		s.net.At(d.at, func() { l.up.Loss, l.down.Loss = 1, 1 })
		if d.back > 0 {
			s.net.At(d.back, func() { l.up.Loss, l.down.Loss = s.w.path.loss, s.w.path.loss })
		}
	}
}

// steer gives up flows that are not heard any more and takes them up again, as a
// session does; without any, the session is left, and the next one resumes.
func (s *simSession) steer() {
	if len(s.lanes) == 1 {
		return
	}
	now, open := s.net.Now(), 0
	for i, l := range s.lanes {
		st := l.fs.Stats(now)
		switch {
		case l.parked && st.ReceivedPackets >= l.parkedAt+2:
			s.park(i, false)
		case !l.parked && (st.ReceivedPackets != l.arrived || st.InFlight == 0):
			l.arrived, l.moved = st.ReceivedPackets, now
		case !l.parked && now-l.moved > 2*time.Second:
			l.parkedAt = st.ReceivedPackets
			s.park(i, true)
		}
		if !l.parked {
			open++
		}
		if i > 0 {
			l.fs.Follow(s.lanes[0].fs)
		}
	}
	s.group.Resize(open)
	s.left = open == 0
	s.kick()
}

func (s *simSession) park(i int, parked bool) {
	s.lanes[i].parked = parked
	s.lanes[i].fs.Park(parked)
	s.w.tell("at %v flow %d parked=%v", s.net.Now(), i, parked)
}

// TestFlowsThatDieCostNothingButTime: one, all but one, or all of them, for good or
// for a while; whatever was on its way there goes by others, or in the next session.
func TestFlowsThatDieCostNothingButTime(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(w *world, seed uint64) {
		w.flows = 2 + w.rng.IntN(4)
		w.path = path{
			rate: 50e6 * float64(1+w.rng.IntN(4)), rtt: time.Duration(5+w.rng.IntN(150)) * time.Millisecond,
			loss: w.rng.Float64() * 0.05 * float64(w.rng.IntN(2)),
		}
		w.mix()
		w.add("last", 6<<20)
		dying := []int{1, w.flows - 1, w.flows}[w.rng.IntN(3)]
		for _, f := range w.rng.Perm(w.flows)[:dying] {
			d := death{session: 1, flow: f, at: time.Duration(w.rng.IntN(1500)) * time.Millisecond}
			if w.rng.IntN(3) == 0 {
				d.back = d.at + time.Duration(w.rng.IntN(5000))*time.Millisecond
			}
			w.deaths = append(w.deaths, d)
			w.tell("flow %d of %d dies at %v, is back at %v", d.flow, w.flows, d.at, d.back)
		}
		if !w.session(seed*100, false, 0, 0) && !w.session(seed*100+1, true, 0, 0) {
			w.t.Error("not done in two sessions")
		}
		if dying < w.flows && w.sessions > 1 {
			w.t.Errorf("%d of %d flows died, and the session with them", dying, w.flows)
		}
		w.check()
	})
}
