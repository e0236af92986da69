package flow

import "time"

// parkedProbe is the least time between probes of a parked flow.
const parkedProbe = 500 * time.Millisecond

// Park tells the Sender that its data go another way for now: what is open is
// reported lost at once, and nothing but small probes is sent, ever more rarely,
// until Park is called with false. Stats.Heard tells whether the path lives.
func (s *Sender) Park(parked bool) {
	if s.parked == parked {
		return
	}
	s.parked = parked
	if !parked {
		s.dry = false
		return
	}
	for n := s.ledger.floor; n < s.ledger.next; n++ {
		if p := s.ledger.at(n); p.fate == pending {
			s.abandon(p)
		}
	}
	s.ledger.advance()
}

// abandon closes the books of a packet whose fate says nothing about the path:
// the controller is not told.
func (s *Sender) abandon(p *sentPacket) {
	s.settle(p)
	p.fate = settled
	if p.probe {
		s.search.flying = false
	}
	if !p.data {
		return
	}
	if o := s.origin(p); o != nil && !o.told && o.open == 0 {
		s.stats.LostTokens++
		s.source.Lost(o.token)
	}
}

// waits reports whether there is anything that the peer should answer.
func (s *Sender) waits() bool { return s.unsettled > 0 || s.parked && s.path.addr.IsValid() }
