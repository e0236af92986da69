package transfer

import (
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/job"
)

// landed hears how an object ended; under the session's lock.
func (x *serverSession) landed(e job.Entry, path string, outcome control.Outcome, code Code, message string) {
	o := FileOutcome{Path: path, Size: e.Size, Code: code, Message: message}
	switch outcome {
	case control.Committed:
		o.Outcome = outcomeCommitted
	case control.Skipped:
		o.Outcome = outcomeSkipped
	default:
		o.Outcome = outcomeFailed
	}
	if e.Kind == job.Dir && o.Outcome != outcomeFailed {
		return
	}
	x.outcome(o, e.Kind == job.Symlink && o.Outcome == outcomeCommitted)
}

// maxOutcomes bounds the files of one event.
const maxOutcomes = 500

// outcome counts and tells what ended. A link that was made is told, and counts as
// no file, neither here nor in a client's Result.
func (x *serverSession) outcome(o FileOutcome, link bool) {
	s := x.server
	s.mu.Lock()
	switch {
	case link:
	case o.Outcome == outcomeCommitted:
		s.totals.FilesCommitted++
	case o.Outcome == outcomeSkipped:
		s.totals.FilesSkipped++
	default:
		s.totals.FilesFailed++
	}
	s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case link:
	case o.Outcome == outcomeCommitted:
		x.status.Files++
	case o.Outcome == outcomeSkipped:
		x.status.Skipped++
	default:
		x.status.Failed++
	}
	if s.config.OnEvent != nil {
		x.files = append(x.files, o)
	}
}

func (x *serverSession) totals(files, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status.FilesTotal, x.status.TotalBytes = files, bytes
}

// tick reads the session's figures and sends events that are due; under the
// session's lock.
func (x *serverSession) tick(s *session, now time.Duration) {
	x.mu.Lock()
	st := &x.status
	if s.snd != nil {
		f, j := s.figures(now), s.snd.Stats()
		st.RTT, st.Loss, st.Resent = f.rtt, f.loss, j.Resent
		st.Bytes = j.Sent
	} else {
		j := s.rcv.Stats()
		st.Bytes = j.Received
		st.BufferFill = float64(j.Buffered) / float64(s.memory)
		st.RTT = time.Duration(x.hello.RTTMicros) * time.Microsecond
	}
	st.Rate, st.Transport = s.meter.rate, s.via.now
	fresh := st.Bytes - x.seen
	x.seen = st.Bytes
	files := x.files
	x.files = nil
	at := x.server.now()
	due := at.Sub(x.told) >= x.server.config.EventInterval
	if due {
		x.told = at
	}
	x.mu.Unlock()

	x.server.mu.Lock()
	if s.snd != nil {
		x.server.totals.BytesSent += fresh
	} else {
		x.server.totals.BytesReceived += fresh
	}
	x.server.mu.Unlock()
	for len(files) > 0 {
		n := min(len(files), maxOutcomes)
		x.event(SessionFiles, files[:n])
		files = files[n:]
	}
	if due {
		x.event(SessionProgress, nil)
	}
}

// ended closes the books of a session.
func (x *serverSession) ended(err error) {
	x.mu.Lock()
	x.status.Ended = x.server.now()
	x.status.Rate = 0
	x.status.Code = CodeOf(err)
	if err != nil {
		x.status.Message = err.Error()
	}
	end := x.status
	files := x.files
	x.files = nil
	x.mu.Unlock()
	x.server.unregister(x, end)
	if len(files) > 0 {
		x.event(SessionFiles, files)
	}
	x.event(SessionEnded, nil)
	x.server.log.Info("session ended", "session", end.ID, "transfer", end.TransferID, "direction", end.Direction,
		"bytes", end.Bytes, "files", end.Files, "failed", end.Failed, "code", end.Code, "error", end.Message)
}

func (x *serverSession) event(kind SessionEventKind, files []FileOutcome) {
	if f := x.server.config.OnEvent; f != nil {
		f(SessionEvent{Kind: kind, At: x.server.now(), Session: x.Status(), Files: files})
	}
}
