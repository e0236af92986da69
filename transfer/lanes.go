package transfer

import (
	"crypto/hkdf"
	"crypto/sha256"
	"net/netip"
	"strconv"
	"time"

	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/vlink"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	// FlowsMost is how many flows a session may have. Each costs both ends a socket,
	// a goroutine, and its part of the memory.
	FlowsMost = 16

	// A flow that is let have more than it takes leaves the rest of a rate that is set
	// for all to the others: what it uses less than portionUsed of, and has room to
	// grow by portionRoom. At first, and for portionFirst, all have the same.
	portionUsed  = 0.75
	portionRoom  = 1.5
	portionLeast = 1_000_000 // bit/s
	portionFirst = time.Second
	portionSpan  = 200 * time.Millisecond // over which a receiver's use is measured
)

// flowsWanted is how many flows a hello asks for; the node grants so many at most.
func flowsWanted(n int) int { return min(max(n, 1), FlowsMost) }

// addLane adds a flow with its socket and keys, before the session runs.
func (s *session) addLane(sock socket, id wire.ConnID, secret func(index int) (send, recv []byte, err error)) error {
	index := len(s.lanes)
	send, recv, err := secret(index)
	if err != nil {
		return err
	}
	s.lanes = append(s.lanes, &lane{session: s, index: index, sock: sock, id: id, sendSecret: send, recvSecret: recv})
	return nil
}

// laneSecrets are those of a further flow of a session whose first has a and b, or
// its early ones, which have other keys: see earlySecrets.
func laneSecrets(a, b []byte, index int) (first, second []byte, err error) {
	label := "godwit/1 flow " + strconv.Itoa(index)
	if first, err = hkdf.Expand(sha256.New, a, label, flow.SecretSize); err == nil {
		second, err = hkdf.Expand(sha256.New, b, label, flow.SecretSize)
	}
	if err != nil {
		return nil, nil, newError(CodeInternal, "no keys for the data path", err)
	}
	return first, second, nil
}

// config is the lane's part of what all flows of the session have in common.
func (l *lane) config(all flow.Config) flow.Config {
	n := len(l.session.lanes)
	l.session.group.Resize(n)
	c := all
	if l.index > 0 {
		c.ConnID, c.SendSecret, c.RecvSecret = l.id, l.sendSecret, l.recvSecret
		if !c.Trusted { // a node hears where the others come from
			c.Peer, c.Proven = netip.AddrPort{}, false
		}
	}
	c.Group, c.Follows = &l.session.group, l.index > 0
	c.TargetRate, c.MinRate, c.Parity = c.TargetRate/float64(n), c.MinRate/float64(n), c.Parity/int64(n)
	return c
}

// lead lets the other flows know what the bursts of the first have shown, which it
// sends for all; under the lock.
func (s *session) lead() {
	for _, l := range s.lanes[1:] {
		if l.fsnd.Follow(s.lanes[0].fsnd) {
			l.wake()
		}
	}
}

// divide splits what is set for the session, bit/s, among its flows and calls set
// with the part of each: of a limit, 0 for none, and of a least rate. Those whose
// path gives them less leave the rest to the others. Under the lock.
func (s *session) divide(limit, least int64, set func(l *lane, limit, least int64)) {
	n := int64(max(s.open(), 1))
	if len(s.lanes) == 1 || limit == 0 {
		for _, l := range s.lanes {
			set(l, limit, least/n)
		}
		return
	}
	s.portions.SetCap(limit)
	for _, l := range s.lanes {
		switch {
		case l.parked && l.portion != nil:
			l.portion.Leave()
			l.portion = nil
		case !l.parked && l.portion == nil:
			l.portion = s.portions.Join()
		}
	}
	for _, l := range s.lanes {
		if l.portion == nil {
			set(l, max(limit/n, leastShare), least/n)
		} else {
			set(l, max(l.portion.Share(), leastShare), least/n)
		}
	}
}

// claim says what the lane could use of a rate that is set for all; under the lock.
func (l *lane) claim(now time.Duration) {
	if l.portion == nil {
		return
	}
	share, use := l.portion.Share(), l.use(now)
	want := vlink.Unlimited
	if share != vlink.Unlimited && now > portionFirst && float64(use) < portionUsed*float64(share) {
		want = max(int64(portionRoom*float64(use)), portionLeast)
	}
	l.portion.SetDemand(want, 0)
}

// use is the rate that the lane's path bears, or brings, bit/s.
func (l *lane) use(now time.Duration) int64 {
	if l.fsnd != nil {
		return int64(l.fsnd.Stats(now).Rate)
	}
	if since := now - l.countedAt; since >= portionSpan {
		st := l.frcv.Stats(now)
		came := int64(st.Bytes + 28*st.Packets)
		l.rate = int64(float64(came-l.counted) * 8 / since.Seconds())
		l.counted, l.countedAt = came, now
	}
	return l.rate
}

// rebalance lets flows that can use more of what is set for all have it; under the
// lock.
func (s *session) rebalance(now time.Duration) {
	if len(s.lanes) == 1 {
		return
	}
	for _, l := range s.lanes {
		l.claim(now)
	}
	if s.snd != nil {
		s.pace()
	}
}

// carriers is how many flows carry the data now, as far as this end can tell; under
// the lock.
func (s *session) carriers() (n int) {
	if s.streaming() {
		return 0
	}
	if s.snd != nil {
		return s.open()
	}
	now := s.now()
	for _, l := range s.lanes {
		if st := l.frcv.Stats(now); st.DataBytes > 0 && st.Silence < DeadPeer {
			n++
		}
	}
	return n
}

// living is a flow that carries data, as far as this end can tell, or the first;
// under the lock.
func (s *session) living() *lane {
	now := s.now()
	for _, l := range s.lanes[1:] {
		switch first := s.lanes[0]; {
		case l.fsnd != nil && first.parked && !l.parked,
			l.frcv != nil && l.frcv.Stats(now).Packets > 0 && first.frcv.Stats(now).Silence > l.frcv.Stats(now).Silence+silenceMost:
			return l
		}
	}
	return s.lanes[0]
}

// closePorts gives back what lanes have that lead nowhere.
func closePorts(ports []*packetio.Port) {
	for _, p := range ports {
		_ = p.Close()
	}
}
