package flow

import (
	"time"

	"github.com/godwit/godwit/transfer/congestion"
)

// greetingMore is what a greeting sends at most, over the burst from which the
// first report tells what the path carries.
const greetingMore = 1.2

// NewGreeting returns a Sender that has nothing to send yet and tries the path
// meanwhile: while the ends still talk about what is to be sent, it sends a burst
// of padding, so that the first data leave at the rate of the path. What is lost
// of it says nothing, for the receiver may not have been there yet. Begin gives it
// its source and what the receiver's answer says of parity.
func NewGreeting(cfg Config) (*Sender, error) {
	s, err := NewSender(cfg, &padding{left: int(greetingMore * float64(congestion.FirstBurst(cfg.RTT)))})
	if err == nil {
		s.greeting = true
	}
	return s, err
}

// Begin ends a greeting: from here on the source's payloads are sent. parity is
// as in Config.
func (s *Sender) Begin(source Source, parity int64) {
	s.source, s.greeting, s.cfg.Parity = source, false, parity
	s.cc.Burst() // what is left of the greeting's
	s.cc.Again()
	s.Wake()
}

// padding is a Source of payloads that mean nothing.
type padding struct{ left int }

func (p *padding) Fill(_ time.Duration, buf []byte) (n int, token uint64) {
	if p.left == 0 {
		return 0, 0
	}
	p.left--
	clear(buf)
	return len(buf), 0
}

func (p *padding) Repeat(time.Duration, uint64, []byte) int { return 0 }
func (p *padding) Acked(uint64)                             {}
func (p *padding) Lost(uint64)                              {}
func (p *padding) Left() int64                              { return -1 }
