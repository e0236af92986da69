package flow

import "time"

const (
	// slotLeast is the granularity of pacing: wake-ups cost 25–90 µs of CPU, so
	// 2,000 a second are the most that a flow should cause.
	slotLeast = 500 * time.Microsecond
	// slotMost and slotPackets make slots longer for slow flows, of which a host
	// has many: bursts of at most four packets, and of at most 4 ms, stay well
	// below the queue that the controller aims at.
	slotMost    = 4 * time.Millisecond
	slotPackets = 4
	// On the shortest paths bursts are of up to nearBytes: they are of a rack's or a
	// host's bandwidth, where a burst is no queue to speak of, and a host with many
	// flows would spend its time on being woken. Each nearStep of the round trip
	// halves that.
	nearBytes = 1 << 16
	nearSlot  = 16 * time.Millisecond
	nearStep  = 512 * time.Microsecond
	// On long paths bursts of fast flows are of up to farBytes and last up to farSlot,
	// which is a farPart of the round trip at the most: there a millisecond is a small
	// part of any queue, and a sender that wakes half as often needs a tenth less
	// processor time (measured at 1 Gb/s, 100 ms; with two milliseconds, two runs of
	// five lost a twentieth of their rate). Slower flows, whose bursts are of
	// less than farPackets, may have a path with a queue of a few packets.
	farBytes   = 1 << 17
	farSlot    = time.Millisecond
	farPart    = 50
	farPackets = 16
	// Debt is how much of a late wake-up is caught up with: more than that would
	// be a burst. Where the host is late as a rule, bursts are all it can do.
	debtLeast = 2 * time.Millisecond
	debtMost  = 10 * time.Millisecond
)

// pacer is a byte budget on the monotonic clock, spent in bursts of a slot.
type pacer struct {
	rate    float64       // bytes/s
	near    float64       // bytes that a slot may have because the path is short
	far     time.Duration // that a slot may last because the path is long
	credit  float64
	last    time.Duration
	extra   float64 // of the credit, a burst on top of the rate
	burst   bool    // a burst has begun and may use up the credit
	forfeit float64 // bytes that were not sent in time since late was asked
	asked   time.Duration
	gap     time.Duration // mean time between wake-ups while there is something to send
}

// quantum is the size of a burst in bytes.
func (p *pacer) quantum(packet float64) float64 {
	slot := p.rate * slotLeast.Seconds()
	if slot >= farPackets*packet {
		slot = max(slot, min(farBytes, p.rate*p.far.Seconds()))
	}
	return max(min(slotPackets*packet, p.rate*slotMost.Seconds()), min(p.near, p.rate*nearSlot.Seconds()), slot, packet)
}

// reach sets what follows from the round trip.
func (p *pacer) reach(rtt time.Duration) {
	p.near = float64(int(nearBytes) >> min(rtt/nearStep, 16))
	p.far = min(rtt/farPart, farSlot)
}

// advance lets time pass. Credit that a host forfeits because it woke up too late
// to send at the rate is counted. busy says that there is data to send.
func (p *pacer) advance(now time.Duration, packet float64, busy bool) {
	if now > p.last {
		dt := now - p.last
		p.credit += p.rate * dt.Seconds()
		p.last = now
		if busy && dt >= slotLeast/2 {
			p.gap += (min(dt, debtMost) - p.gap) / 16
		}
	}
	debt := min(max(2*p.gap, debtLeast), debtMost)
	if most := max(p.rate*debt.Seconds(), p.quantum(packet)+packet) + p.extra; p.credit > most {
		if busy {
			p.forfeit += p.credit - most
		}
		p.credit = most
	}
	if p.credit >= p.quantum(packet) {
		p.burst = true
	}
}

// lateMost is how much of the rate a host may fail to send before that, and not
// the path, is what limits the flow.
const lateMost = 0.1

// late reports whether the host failed to send a good part of the rate since the
// last call.
func (p *pacer) late(now time.Duration) bool {
	late := p.forfeit > lateMost*p.rate*(now-p.asked).Seconds()
	p.forfeit, p.asked = 0, now
	return late
}

// fullBatch is about what the kernel takes in one call.
const fullBatch = 1 << 16

// pause is called after each batch. What is left of a burst and fills less than
// half a batch goes with the next burst: it would cost a call of its own.
func (p *pacer) pause(packet float64) {
	if p.extra == 0 && p.credit < min(p.quantum(packet), fullBatch)/2 {
		p.burst = false
	}
}

// ready reports whether a packet of the given wire size may go.
func (p *pacer) ready(packet float64) bool {
	if p.burst && p.credit < packet {
		p.burst = false
	}
	return p.burst
}

// add gives credit for n bytes at once.
func (p *pacer) add(n float64) {
	p.credit += n
	p.extra += n
}

// hold leaves of what add gave and is not spent n bytes at the most.
func (p *pacer) hold(n float64) {
	if over := p.extra - n; over > 0 {
		p.extra -= over
		p.credit = max(p.credit-over, 0)
	}
}

func (p *pacer) spend(n float64) {
	p.credit -= n
	p.extra = max(p.extra-n, 0)
}

// deadline is when the next burst may begin.
func (p *pacer) deadline(packet float64) time.Duration {
	if p.burst {
		return p.last
	}
	wait := (p.quantum(packet) - p.credit) / p.rate
	return p.last + time.Duration(wait*float64(time.Second)) + 1
}
