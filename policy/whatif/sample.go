package whatif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// Sample is the load of one step, and what the cluster was like.
type Sample struct {
	// At has whole seconds.
	At time.Time
	// SendCap and ReceiveCap are the running nodes' mean caps in kb/s; 0: unknown.
	SendCap, ReceiveCap int64
	// CPU is what a node's CPU costs: hundred-thousandths of it per Mb/s.
	// Buffer is the busy nodes' mean fill in thousandths.
	CPU, Buffer int
	// Instances is what max_nodes counts; Running, Draining and Warm are in those
	// states.
	Instances, Running, Draining, Warm int
	// Launches, Starts and Drains were requested since the last sample.
	Launches, Starts, Drains int
	// Movable and Held count sessions that could move, and that were held below
	// their promise.
	Movable, Held int
	// Load is in order of Rate and Direction.
	Load []Class
}

// Class counts the sessions of one wanted rate and direction.
type Class struct {
	Rate      Rate
	Direction policy.Direction
	// Sessions are on nodes, Waiting in the queue; Arrived are the sessions that
	// have come since the last sample.
	Sessions, Waiting, Arrived int
}

// Limits of what Decode takes. A record is far smaller.
const (
	maxRecord = 1 << 14
	maxCount  = 1 << 30
	maxRate   = 1 << 50
	maxTime   = 1 << 37 // seconds
	// format is the version that starts a record.
	format = 1
)

// Append adds the sample to a chunk. Chunks may be joined: each sample stands
// for itself.
func (s Sample) Append(chunk []byte) []byte {
	b := []byte{format}
	for _, n := range []int64{s.At.Unix(), s.SendCap, s.ReceiveCap} {
		b = binary.AppendUvarint(b, uint64(max(n, 0)))
	}
	for _, n := range s.counts() {
		b = binary.AppendUvarint(b, uint64(max(*n, 0)))
	}
	b = binary.AppendUvarint(b, uint64(len(s.Load)))
	for _, c := range s.Load {
		b = append(b, byte(c.Rate), byte(wayOf(c.Direction)))
		for _, n := range []int{c.Sessions, c.Waiting, c.Arrived} {
			b = binary.AppendUvarint(b, uint64(max(n, 0)))
		}
	}
	chunk = binary.AppendUvarint(chunk, uint64(len(b)))
	return append(chunk, b...)
}

// counts are the numbers of a sample in the order in which they are stored.
func (s *Sample) counts() [11]*int {
	return [11]*int{&s.CPU, &s.Buffer, &s.Instances, &s.Running, &s.Draining, &s.Warm, &s.Launches, &s.Starts, &s.Drains, &s.Movable, &s.Held}
}

// Recording is the load of a time, in order and without two samples of a time.
type Recording []Sample

var errTorn = errors.New("it ends in the middle of a sample")

// Decode reads what [Sample.Append] wrote. Samples out of order are put into it;
// of two with the same time the later one in chunk counts.
func Decode(chunk []byte) (Recording, error) {
	var out Recording
	for at := 0; len(chunk) > 0; at++ {
		size, n := binary.Uvarint(chunk)
		if n <= 0 || size > maxRecord || uint64(len(chunk)-n) < size {
			return nil, fmt.Errorf("recorded load, sample %d: %w", at, errTorn)
		}
		s, err := decodeSample(chunk[n : n+int(size)])
		if err != nil {
			return nil, fmt.Errorf("recorded load, sample %d: %w", at, err)
		}
		out = append(out, s)
		chunk = chunk[n+int(size):]
	}
	slices.SortStableFunc(out, func(a, b Sample) int { return a.At.Compare(b.At) })
	slices.Reverse(out)
	out = slices.CompactFunc(out, func(a, b Sample) bool { return a.At.Equal(b.At) })
	slices.Reverse(out)
	return out, nil
}

func decodeSample(b []byte) (Sample, error) {
	var s Sample
	if len(b) == 0 || b[0] != format {
		return s, errors.New("its format is not known")
	}
	r := reader{b: b[1:]}
	s.At = time.Unix(r.number(maxTime), 0).UTC()
	s.SendCap, s.ReceiveCap = r.number(maxRate), r.number(maxRate)
	for _, n := range s.counts() {
		*n = int(r.number(maxCount))
	}
	for range r.number(int64(classes * int(ways))) {
		c := Class{Rate: Rate(r.byte(byte(Unknown))), Direction: way(r.byte(byte(both))).direction()}
		for _, n := range []*int{&c.Sessions, &c.Waiting, &c.Arrived} {
			*n = int(r.number(maxCount))
		}
		if n := len(s.Load); n > 0 && s.Load[n-1].key() >= c.key() {
			return s, errors.New("its classes are out of order")
		}
		s.Load = append(s.Load, c)
	}
	if r.bad || len(r.b) > 0 {
		return s, errors.New("its numbers make no sense")
	}
	return s, nil
}

// key orders classes and is their place in an array of all.
func (c Class) key() int { return int(c.Rate)*int(ways) + int(wayOf(c.Direction)) }

// reader reads numbers until one is bad; then it reads zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number(most int64) int64 {
	x, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || x > uint64(most) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int64(x)
}

func (r *reader) byte(most byte) byte {
	if r.bad || len(r.b) == 0 || r.b[0] > most {
		r.bad = true
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}
