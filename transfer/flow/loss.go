package flow

import "time"

const (
	reorderPackets = 3
	reorderLeast   = time.Millisecond
)

// lossClock decides when a packet that a report called missing is lost: when
// three packets and an eighth of an RTT sent after it have arrived. Each loss
// that proves spurious widens the wait to what reordering needs; quiet narrows
// it slowly.
type lossClock struct {
	srtt, wait time.Duration
	newest     time.Duration // when the newest packet known to have arrived was sent
	samples    int
}

func (l *lossClock) init(rtt time.Duration) {
	if rtt <= 0 {
		rtt = 100 * time.Millisecond
	}
	l.srtt = rtt
	l.wait = max(rtt/8, reorderLeast)
}

func (l *lossClock) reached(sent, rtt time.Duration) {
	l.newest = max(l.newest, sent)
	if l.samples == 0 {
		l.srtt = rtt
		l.wait = max(rtt/8, reorderLeast)
	}
	l.samples++
	l.srtt += (rtt - l.srtt) / 8
	if least := max(l.srtt/8, reorderLeast); l.wait > least {
		l.wait -= (l.wait - least) / 1024
	} else {
		l.wait = least
	}
}

// lost judges a missing packet, with newer packets sent after it and arrived or reported.
func (l *lossClock) lost(now, sent time.Duration, newer uint64) bool {
	if newer >= reorderPackets && sent+l.wait <= l.newest {
		return true
	}
	return sent+l.srtt+l.srtt/4+l.wait+syncLeast <= now
}

// tooYoung says that neither this packet nor any sent later can be lost yet.
func (l *lossClock) tooYoung(now, sent time.Duration) bool {
	return sent+l.wait > l.newest && sent+l.srtt+l.wait > now
}

// spurious learns that a packet declared lost arrived after age.
func (l *lossClock) spurious(age time.Duration) {
	need := (age - l.srtt) * 5 / 4
	l.wait = min(max(l.wait, min(need, l.wait*2)), max(2*l.srtt, 100*time.Millisecond))
}
