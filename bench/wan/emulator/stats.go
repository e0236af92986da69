//go:build linux

package emulator

import (
	"fmt"
	"io"
	"time"
)

// Flow is what became of one direction's packets so far. All but the last
// group is the model's doing.
type Flow struct {
	Sent           uint64 `json:"sent"`       // packets of the wire that entered
	SentBytes      uint64 `json:"sent_bytes"` // bytes of IP packets
	Delivered      uint64 `json:"delivered"`
	DeliveredBytes uint64 `json:"delivered_bytes"`
	QueueDrops     uint64 `json:"queue_drops"`
	PoliceDrops    uint64 `json:"police_drops"`
	Lost           uint64 `json:"lost"`
	Blocked        uint64 `json:"blocked"`
	TooBig         uint64 `json:"too_big"`
	Corrupted      uint64 `json:"corrupted"`

	QueueMax time.Duration `json:"queue_max_ns"` // the longest wait at the bottleneck

	// Not the model's: dropped by the emulator or its devices; how late packets
	// came against the model; writes, each of one packet or several merged.
	Unintended uint64        `json:"unintended_drops"`
	Writes     uint64        `json:"writes"`
	Late99     time.Duration `json:"late_p99_ns"`
	LateMax    time.Duration `json:"late_max_ns"`
}

// Stats is the state of a path.
type Stats struct {
	AB Flow `json:"ab"`
	BA Flow `json:"ba"`

	Scheduler string        `json:"scheduler"`    // what the relay runs under
	StallMax  time.Duration `json:"stall_max_ns"` // the longest the relay slept beyond its time
	Wakeups   uint64        `json:"wakeups"`
	CPU       time.Duration `json:"cpu_ns"` // of the relay, the receiving kernels' work included

	// Datagrams that a receiving program's socket buffer had no room for, at
	// each end. Neither the path's doing nor the emulator's.
	SocketDropsA uint64 `json:"socket_drops_a"`
	SocketDropsB uint64 `json:"socket_drops_b"`
}

var schedulers = [...]string{"ordinary (no real time to be had: expect stalls)", "SCHED_FIFO"}

func (p *page) flow(direction int) Flow {
	c := func(i int) uint64 { return p.load(pageCounts + direction*countWords + i) }
	f := Flow{
		Sent: c(countSent), SentBytes: c(countSentBytes),
		Delivered: c(countDelivered), DeliveredBytes: c(countDeliveredBytes),
		QueueDrops: c(countQueueDrops), PoliceDrops: c(countPoliceDrops), Lost: c(countLost),
		Blocked: c(countBlocked), TooBig: c(countTooBig), Corrupted: c(countCorrupted),
		QueueMax:   time.Duration(c(countQueueMax)),
		Unintended: c(countWriteErrors) + c(countMalformed), Writes: c(countWrites),
		LateMax: time.Duration(c(countLateMax)),
	}
	var all, seen uint64
	at := pageLate + direction*lateBuckets
	for i := range lateBuckets {
		all += p.load(at + i)
	}
	for i := range lateBuckets {
		seen += p.load(at + i)
		if seen*100 >= all*99 && all > 0 {
			f.Late99 = min(time.Duration(i+1)*lateStep, f.LateMax)
			break
		}
	}
	return f
}

// Unintended is how many packets the emulator or its devices dropped, which
// the model did not want dropped. A measurement with any is void.
func (s Stats) Unintended() uint64 { return s.AB.Unintended + s.BA.Unintended }

// Print writes the state for a person to read.
func (s Stats) Print(w io.Writer) {
	for _, d := range []struct {
		name string
		f    Flow
	}{{"a>b", s.AB}, {"b>a", s.BA}} {
		f := d.f
		fmt.Fprintf(w, "wan %s  sent %d packets (%.1f MB)  delivered %d  lost %d (%.3f%%)  queue drops %d  queue max %.1f ms",
			d.name, f.Sent, float64(f.SentBytes)/1e6, f.Delivered, f.Lost, percent(f.Lost, f.Lost+f.Delivered), f.QueueDrops, f.QueueMax.Seconds()*1000)
		for _, more := range []struct {
			name string
			n    uint64
		}{{"policed", f.PoliceDrops}, {"blocked", f.Blocked}, {"too big", f.TooBig}, {"corrupted", f.Corrupted}} {
			if more.n > 0 {
				fmt.Fprintf(w, "  %s %d", more.name, more.n)
			}
		}
		fmt.Fprintf(w, "\n         unintended drops %d  late p99 %.2f ms max %.2f ms  writes %d\n",
			f.Unintended, f.Late99.Seconds()*1000, f.LateMax.Seconds()*1000, f.Writes)
	}
	fmt.Fprintf(w, "wan      %s, %.2f s CPU, %d wake-ups, longest oversleep %.2f ms; socket buffers overran by %d (a) and %d (b) datagrams\n",
		s.Scheduler, s.CPU.Seconds(), s.Wakeups, s.StallMax.Seconds()*1000, s.SocketDropsA, s.SocketDropsB)
}

func percent(part, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all) * 100
}
