//go:build linux

package emulator

import (
	"fmt"
	"time"
)

// Model is what happens to packets of one direction. The zero value carries
// everything at once, unharmed.
type Model struct {
	Rate  float64       // of the bottleneck, bits of IP packets per second; 0: unlimited
	Queue time.Duration // the longest wait at the bottleneck; packets that would wait longer are dropped
	Delay time.Duration // one way, after the bottleneck

	Loss               float64 // share of packets lost after the bottleneck, 0 to 1
	BurstMin, BurstMax int     // when set: loss comes in runs of so many packets, the mean being Loss

	Jitter  time.Duration // added to Delay: 0 to Jitter
	Reorder float64       // share of packets that draw their own jitter and may overtake others; 0: jitter wanders and keeps order

	Police float64 // token bucket: bits of IP packets per second; 0: none
	// PoliceEach is the same for each flow by itself, a UDP or TCP five-tuple: what
	// clouds do to flows, and what hashing them over several lines amounts to.
	PoliceEach float64
	Bucket     int // bytes that each bucket holds

	BlockUDP, BlockTCP, BlockAll bool    // a firewall that says nothing
	PMTU                         int     // larger IP packets vanish; 0: none
	Corrupt                      float64 // share of packets with one bit of payload flipped (checksums stay "right")

	// NAT, when not 0, puts a router in front of end a that translates the UDP
	// ports a sends from; each value gives other ports. A change forgets every
	// mapping, as a router's restart does. It is read from the model of a to b.
	NAT int
}

// check says what is wrong with a model, if anything.
func (m Model) check() error {
	share := func(name string, v float64) error {
		if v < 0 || v > 1 {
			return fmt.Errorf("%s is a share of packets, 0 to 100%%, not %g", name, v)
		}
		return nil
	}
	for _, err := range []error{share("loss", m.Loss), share("reorder", m.Reorder), share("corrupt", m.Corrupt)} {
		if err != nil {
			return err
		}
	}
	switch {
	case m.Rate < 0 || m.Police < 0 || m.PoliceEach < 0 || m.Bucket < 0 || m.PMTU < 0 || m.NAT < 0:
		return fmt.Errorf("rates and sizes are never negative: %+v", m)
	case m.Queue < 0 || m.Delay < 0 || m.Jitter < 0:
		return fmt.Errorf("times are never negative: %+v", m)
	case m.BurstMin < 0 || m.BurstMax < m.BurstMin || (m.BurstMax > 0 && m.BurstMin == 0):
		return fmt.Errorf("bursts of %d to %d packets make no sense", m.BurstMin, m.BurstMax)
	case m.Police+m.PoliceEach > 0 && m.Bucket == 0:
		return fmt.Errorf("a policer needs a bucket: its size in bytes")
	}
	return nil
}

// Limit is the most file data of one flow that UDP packets of 1500 bytes (1472 of payload)
// can carry over the model, bits per second; 0 when nothing limits it.
func (m Model) Limit() float64 {
	rate := m.Rate
	if m.Police > 0 && (rate == 0 || m.Police < rate) {
		rate = m.Police
	}
	if m.PoliceEach > 0 && (rate == 0 || m.PoliceEach < rate) {
		rate = m.PoliceEach
	}
	return rate * 1472 / 1500 * (1 - m.Loss)
}
