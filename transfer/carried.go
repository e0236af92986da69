package transfer

import (
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
)

const (
	streamBurst = 20 * time.Millisecond // of credit that can be saved up
	streamLeast = 1200                  // bytes of a payload on a slow line
	streamChunk = 128 << 10             // data that are handed to the connection together
	streamWay   = 64 << 20              // bytes on their way at most
	streamFirst = 256 << 10             // before the other end has said what it takes
)

// streamSender is what a flow.Sender is for datagrams, when data ride the
// control connection because datagrams do not get through. The connection is
// reliable and finds its own rate, so what remains is to keep under the rates
// that are set, and to tell the source what was taken. It is used under the
// session's lock.
type streamSender struct {
	source flow.Source
	rate   float64 // bytes/s that this end may use; 0: no limit
	peer   float64 // bytes/s that the other takes; 0: no limit
	credit float64
	last   time.Duration

	open    []openPayload // sent and not told of, from head on, in order
	head    int
	pending int64 // bytes of them

	bytes, payloads uint64 // sent
	taken           uint64
	dry             bool
}

type openPayload struct {
	token uint64
	size  int32
}

func newStreamSender(source flow.Source) *streamSender {
	return &streamSender{source: source}
}

// setRate limits the rate, bit/s; 0: no limit.
func (s *streamSender) setRate(rate int64) { s.rate = float64(rate) / 8 }

// wake says that the source has something again.
func (s *streamSender) wake() { s.dry = false }

func (s *streamSender) limit() float64 {
	if s.peer > 0 && (s.rate == 0 || s.peer < s.rate) {
		return s.peer
	}
	return s.rate
}

// payload is the size that keeps the line responsive at the present limit.
func (s *streamSender) payload(limit float64) int {
	if limit == 0 {
		return control.MaxPayload
	}
	return min(max(int(limit*streamBurst.Seconds()/2), streamLeast), control.MaxPayload)
}

// appendFrames appends what may go now. When that is nothing, wait says in what
// time it is more; 0: when the source or the peer says so.
func (s *streamSender) appendFrames(now time.Duration, dst []byte) (out []byte, wait time.Duration) {
	limit := s.limit()
	size := s.payload(limit)
	if now > s.last {
		most := max(limit*streamBurst.Seconds(), float64(size))
		s.credit = min(s.credit+limit*(now-s.last).Seconds(), most)
		s.last = now
	}
	least := len(dst) + streamChunk
	way := int64(streamWay)
	if s.taken == 0 {
		way = streamFirst
	}
	for !s.dry && len(dst) < least && s.pending < way {
		if limit > 0 && s.credit < 0 {
			return dst, max(time.Duration(-s.credit/limit*float64(time.Second)), time.Millisecond)
		}
		n := len(dst)
		dst = control.Append(dst, control.TypeData, nil)
		body := len(dst)
		dst = append(dst, make([]byte, size)...)
		filled, token := s.source.Fill(now, dst[body:])
		if filled == 0 {
			s.dry = true
			return dst[:n], 0
		}
		dst = dst[:body+filled]
		control.SetLength(dst[n:body], filled)
		s.open = append(s.open, openPayload{token, int32(filled)})
		s.pending += int64(filled)
		s.bytes += uint64(len(dst) - n)
		s.payloads++
		if limit > 0 {
			s.credit -= float64(len(dst) - n)
		}
	}
	return dst, 0
}

// told takes the receiver's account.
func (s *streamSender) told(t control.Taken) error {
	s.peer = float64(t.MaxRate) / 8
	if t.Count < s.taken || t.Count > s.payloads {
		return errUnexpected
	}
	for n := s.taken + 1; n <= t.Count; n++ {
		p := s.open[s.head]
		s.head++
		s.pending -= int64(p.size)
		if len(t.Refused) > 0 && t.Refused[0] == n {
			t.Refused = t.Refused[1:]
			s.source.Lost(p.token)
			s.dry = false
		} else {
			s.source.Acked(p.token)
		}
	}
	s.taken = t.Count
	if s.head == len(s.open) {
		s.open, s.head = s.open[:0], 0
	} else if s.head > 4096 {
		s.open = s.open[:copy(s.open, s.open[s.head:])]
		s.head = 0
	}
	return nil
}

// takenEvery is how many bytes are taken before the sender is told, when they
// do not stop coming.
const takenEvery = 512 << 10

// streamReceiver is the other end.
type streamReceiver struct {
	sink    flow.Sink
	note    control.Taken
	told    uint64 // Count of the last note
	rate    uint64 // MaxRate of it
	bytes   uint64
	unnoted int
}

// take hands a payload over. What the sink refuses for now is asked for again;
// other errors are the peer's.
func (r *streamReceiver) take(now time.Duration, payload []byte) error {
	r.note.Count++
	r.bytes += uint64(len(payload))
	r.unnoted += len(payload)
	err := r.sink.Deliver(now, payload)
	if isFull(err) {
		r.note.Refused = append(r.note.Refused, r.note.Count)
		return nil
	}
	return err
}

// due reports whether the sender should be told now; idle says that no more
// payloads are at hand.
func (r *streamReceiver) due(idle bool) bool {
	return r.note.Count > r.told && (idle || r.unnoted >= takenEvery)
}

// body is the account, which counts as told.
func (r *streamReceiver) body() []byte {
	b := control.AppendTaken(nil, r.note)
	r.told, r.rate, r.unnoted = r.note.Count, r.note.MaxRate, 0
	r.note.Refused = r.note.Refused[:0]
	return b
}
