package flow

import (
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// TestSlowFlowsOnTheShortestPathsSendLongerBursts: a host with many of them is
// woken for each burst. So do fast flows on long paths.
func TestSlowFlowsOnTheShortestPathsSendLongerBursts(t *testing.T) {
	t.Parallel()
	const packet = 1500
	for _, row := range []struct {
		rate float64 // Mb/s
		rtt  time.Duration
		want float64
	}{
		{45, 100 * time.Microsecond, nearBytes},
		{45, 600 * time.Microsecond, nearBytes / 2},
		{45, 20 * ms, slotPackets * packet},
		{45, time.Hour, slotPackets * packet},
		{8, 100 * time.Microsecond, 16_000}, // 16 ms
		{.1, 100 * time.Microsecond, packet},
		{8000, 20 * ms, 500_000}, // half a millisecond, anywhere
		{8000, 0, 500_000},
		{1000, 20 * ms, 62_500},
		{1000, 40 * ms, 100_000},  // a fiftieth of the round trip
		{1000, 100 * ms, 125_000}, // a millisecond
		{1600, 100 * ms, farBytes},
		{300, 100 * ms, 18_750}, // may have a queue of a few packets
	} {
		p := pacer{rate: row.rate * 1e6 / 8}
		p.reach(row.rtt)
		if got := p.quantum(packet); got != row.want {
			t.Errorf("%v Mb/s at %v: bursts of %.0f bytes, want %.0f", row.rate, row.rtt, got, row.want)
		}
		longest := max(slotPackets*packet, row.rate*1e6/8/2000)
		if longest >= farPackets*packet {
			longest = max(longest, min(farBytes, row.rate*1e6/8/1000))
		}
		if p.reach(time.Second); p.quantum(packet) > longest {
			t.Errorf("%v Mb/s: still bursts of %.0f bytes when the path got long", row.rate, p.quantum(packet))
		}
	}
}

// TestBurstsEndWithAFullBatch: what is left of one, and is not worth a call to the
// kernel, leaves with the next. Nothing is lost of the rate.
func TestBurstsEndWithAFullBatch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		rate, packet float64 // Mb/s, bytes
		rtt          time.Duration
		least, batch float64 // packets: of each call, and in a full one
	}{
		{"many on one host", 42, 9000, 100 * time.Microsecond, 3, 7},
		{"far away", 1000, 1500, 100 * ms, 20, 43},
		{"fast and near", 8000, 9000, 100 * time.Microsecond, 3, 7},
		{"slow", 1, 1500, 20 * ms, 1, 43},
	} {
		p := pacer{rate: row.rate * 1e6 / 8}
		p.reach(row.rtt)
		sent := 0.
		for now := time.Duration(0); now < time.Second; now = max(p.deadline(row.packet), now+1) + 70*time.Microsecond {
			p.advance(now, row.packet, true)
			for p.ready(row.packet) {
				n := 0.
				for ; n < row.batch && p.ready(row.packet); n++ {
					p.spend(row.packet)
				}
				if sent += n; n < row.least {
					t.Fatalf("%s: a batch of %v packets after %v", row.name, n, now)
				}
				p.pause(row.packet)
			}
		}
		if want := row.rate * 1e6 / 8 / row.packet; sent < .97*want-row.batch || sent > 1.03*want+row.batch {
			t.Errorf("%s: %v packets in a second, want %.0f", row.name, sent, want)
		}
	}
}

// TestRoundTripsAreTheNetworksAlone: what lies in a socket because its host has
// no time makes no path longer.
func TestRoundTripsAreTheNetworksAlone(t *testing.T) {
	t.Parallel()
	s, r, _ := ends(t, 10, AES128GCM)
	now := time.Second
	data := drawData(t, s, &now)
	arrived, looked := now+ms, now+300*ms
	r.Waited(looked - arrived)
	for _, d := range data {
		if err := r.HandleDatagram(looked, clientAddr, d); err != nil {
			t.Fatal(err)
		}
	}
	b := wire.NewBatch()
	if r.AppendDatagrams(looked, b) != 1 {
		t.Fatal("no report")
	}
	arrived, looked = looked+ms, looked+200*ms
	s.Waited(looked - arrived)
	for d := range b.All() {
		if err := s.HandleDatagram(looked, nodeAddr, d); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Stats(looked).RTT; got < 2*ms || got > 3*ms {
		t.Errorf("round trip of %v, want 2 ms", got)
	}
}

// TestALimitThatIsToldEndsABurst: what a burst was to show matters no more once the
// receiver has said what it takes.
func TestALimitThatIsToldEndsABurst(t *testing.T) {
	t.Parallel()
	const packet = 1500
	p := pacer{rate: 1e6}
	p.add(700_000)
	p.advance(ms, packet, true)
	p.spend(100_000)
	p.hold(20_000)
	if p.extra != 20_000 || p.credit > 22_000 {
		t.Errorf("%.0f bytes may go at once, %.0f of them for the burst", p.credit, p.extra)
	}
	if p.hold(1e9); p.extra != 20_000 {
		t.Errorf("a higher limit made it %.0f", p.extra)
	}
}
