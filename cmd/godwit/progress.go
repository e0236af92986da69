package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/spelling"
)

// progress shows a running job: a bar on a terminal, a line now and then in a log or
// on a terminal that cannot move its cursor, JSON lines for scripts.
type progress struct {
	streams
	json, quiet bool
	dry         bool
	flows       int // that are to carry the data

	mu      sync.Mutex
	last    transfer.Progress
	session transfer.Event // of the last event: its session and node alone
	node    string
	hint    string             // about keys
	over    transfer.Transport // what data ride, unless it is UDP
	lines   time.Time          // of the last plain line

	unsaid error // see told

	bars *mpb.Progress
	bar  *mpb.Bar
}

// plainEvery is how often a log that is no terminal gets a line.
const plainEvery = 5 * time.Second

func newProgress(s streams, fl *copyFlags) *progress {
	p := &progress{streams: s, json: fl.json, quiet: fl.quiet, dry: fl.dryRun, flows: fl.flows, lines: time.Now()}
	f, ok := s.err.(*os.File)
	if p.json || p.quiet || p.dry || !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))
	p.bar = p.bars.New(0, mpb.BarStyle().Rbound("]").Lbound("["),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.left() })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.right() })),
	)
	return p
}

// left is what stands before the bar: how much of how much.
func (p *progress) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	total := "…"
	if p.last.Total > 0 {
		total = size(p.last.Total)
	}
	return fmt.Sprintf("%s / %s  %d/%d files ", size(p.last.Bytes), total, p.last.Files, p.last.FilesTotal)
}

// right is what stands behind it: how fast, for how long, over which path.
func (p *progress) right() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return " " + p.pace() + p.hint
}

func (p *progress) pace() string {
	s := rate(p.last.Rate)
	if eta := p.last.ETA(); eta > 0 {
		s += ", " + brief(eta) + " left"
	}
	if p.last.RTT > 0 {
		s += fmt.Sprintf(", RTT %.1f ms", float64(p.last.RTT)/float64(time.Millisecond))
	}
	if p.last.Loss > 0 {
		s += fmt.Sprintf(", loss %.1f %%", p.last.Loss*100)
	}
	if p.over != "" {
		s += " over " + strings.ToUpper(string(p.over))
	}
	if p.node != "" {
		s += " via " + p.node
	}
	return s
}

// event takes what the engine says; it is called one at a time.
func (p *progress) event(e transfer.Event) {
	p.mu.Lock()
	p.last = e.Progress
	p.session = transfer.Event{SessionID: e.SessionID, NodeID: e.NodeID, NodeName: e.NodeName}
	if e.NodeName != "" {
		p.node = e.NodeName
	} else if e.NodeID != "" {
		p.node = e.NodeID
	}
	if e.Kind == transfer.EventSession || e.Kind == transfer.EventTransport {
		p.over = e.Transport
		if e.Transport == transfer.TransportUDP {
			p.over = ""
		}
	}
	node := p.node
	p.mu.Unlock()

	if p.json {
		p.told(jsonLine(p.streams, jsonEvent(e)))
		return
	}
	switch e.Kind {
	case transfer.EventSession:
		if p.flows > 1 && e.Transport != transfer.TransportUDP {
			p.say("--flows does nothing here: data go over %s, which is one connection", strings.ToUpper(string(e.Transport)))
		}
	case transfer.EventMoved:
		p.say("%s", movedLine(node, e.Err))
	case transfer.EventTransport:
		if e.Err != nil {
			p.say("%v; data go over %s meanwhile", e.Err, strings.ToUpper(string(e.Transport)))
		} else {
			p.say("UDP gets through again; data go over UDP")
		}
	case transfer.EventWaiting:
		p.say("waiting %s: %v", brief(e.Wait), e.Err)
	case transfer.EventFile:
		if e.FileError != nil {
			p.complain("%s", printable(e.FileError.Error())) // whose name may have lines
		} else if e.Outcome == "planned" {
			p.plan("copy", e.Path)
		}
	case transfer.EventDeleted:
		if p.dry {
			p.plan("delete", e.Path)
		}
	}
	if p.bar != nil {
		p.bar.SetTotal(max(e.Progress.Total, e.Progress.Bytes, 1), false)
		p.bar.SetCurrent(e.Progress.Bytes)
		return
	}
	if p.quiet || e.Kind != transfer.EventProgress || time.Since(p.lines) < plainEvery {
		return
	}
	p.lines = time.Now()
	fmt.Fprintf(p.err, "%s%s\n", p.left(), p.right())
}

// plan prints a line of a dry run.
func (p *progress) plan(what, path string) {
	if !p.quiet {
		_, err := fmt.Fprintf(p.out, "%s %s\n", what, printable(path))
		p.told(err)
	}
}

// told keeps the first reason for which standard output does not have it all: a script
// that reads it must not take what is there for the whole.
func (p *progress) told(err error) { p.unsaid = cmp.Or(p.unsaid, err) }

// say tells what happens, unless asked to be quiet.
func (p *progress) say(format string, a ...any) {
	if !p.quiet {
		p.complain(format, a...)
	}
}

// complain prints a line above the bar.
func (p *progress) complain(format string, a ...any) {
	line := printableLines(fmt.Sprintf(format, a...)) + "\n"
	if p.bars != nil {
		_, _ = p.bars.Write([]byte(line))
		return
	}
	fmt.Fprint(p.err, line)
}

// end notes how far the job has come when it is over.
func (p *progress) end(at transfer.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = at
}

// finish closes the bar and sums up.
func (p *progress) finish(r transfer.Result, err error) {
	if p.bar != nil {
		if err == nil {
			p.bar.SetTotal(-1, true)
		} else {
			p.bar.Abort(false) // it stays as far as it came
		}
		p.bars.Wait()
	}
	if p.json {
		p.mu.Lock()
		last := p.session
		last.Progress = p.last
		p.mu.Unlock()
		p.told(jsonLine(p.streams, resultEvent(last, r, err)))
		return
	}
	if p.quiet || err != nil || failures(r) > 0 && r.Files+r.Skipped+r.Deleted == 0 {
		return // what failed was said
	}
	files := "1 file"
	if r.Files != 1 {
		files = fmt.Sprintf("%d files", r.Files)
	}
	s := fmt.Sprintf("%s, %s in %.1f s", files, size(r.Bytes), r.Duration.Seconds())
	if r.DryRun {
		s = fmt.Sprintf("dry run: %s, %s would be copied", files, size(r.Bytes))
	}
	if !r.DryRun && r.Bytes > 0 && r.Duration > 0 {
		s += ", " + rate(int64(float64(r.Bytes)*8/r.Duration.Seconds()))
	}
	if r.Skipped > 0 {
		s += fmt.Sprintf("; %d already there", r.Skipped)
	}
	if r.Deleted > 0 && r.DryRun {
		s += fmt.Sprintf("; %d would be deleted", r.Deleted)
	} else if r.Deleted > 0 {
		s += fmt.Sprintf("; %d deleted", r.Deleted)
	}
	if r.Moved > 0 {
		s += fmt.Sprintf("; moved to another node %d×", r.Moved)
	}
	fmt.Fprintln(p.out, s)
}

// failures are the files of a job that is over that failed.
func failures(r transfer.Result) int64 { return int64(len(r.Failed)) + r.FailedMore }

// movedLine says that a session has ended, of a node where there are several.
func movedLine(node string, err error) string {
	if node == "" {
		return fmt.Sprintf("the session ended (%v); going on", err)
	}
	return fmt.Sprintf("the session with %s ended (%v); going on", node, err)
}

// eventResult is the last of the events that --json prints.
const eventResult transfer.EventKind = "result"

// resultEvent is the last line for scripts: what the job did, and why it failed,
// beside what every event has.
func resultEvent(last transfer.Event, r transfer.Result, err error) map[string]any {
	if r.Failed == nil {
		r.Failed = []transfer.FileError{}
	}
	if r.Sessions == nil {
		r.Sessions = []transfer.SessionUse{}
	}
	last.Kind = eventResult
	m := jsonEvent(last)
	m["result"] = r
	if err != nil {
		m["error"], m["code"] = err.Error(), codeOf(err)
	}
	return m
}

// jsonEvent is an event in the form that --json prints.
func jsonEvent(e transfer.Event) map[string]any {
	m := map[string]any{
		"event": e.Kind, "at": time.Now().UTC().Format(time.RFC3339Nano),
		"bytes": e.Progress.Bytes, "total": e.Progress.Total, "total_known": e.Progress.TotalKnown,
		"files": e.Progress.Files, "files_total": e.Progress.FilesTotal,
		"rate_bps": e.Progress.Rate, "rtt_ms": float64(e.Progress.RTT) / float64(time.Millisecond), "loss": e.Progress.Loss,
	}
	set := func(name, v string) {
		if v != "" {
			m[name] = v
		}
	}
	set("session_id", e.SessionID)
	set("node_id", e.NodeID)
	set("node", e.NodeName)
	set("path", spelling.Text(e.Path))
	if exact := spelling.Exact(e.Path); exact != nil {
		m["path_base64"] = exact
	}
	set("outcome", e.Outcome)
	set("transport", string(e.Transport))
	if e.Kind == transfer.EventFile || e.Kind == transfer.EventDeleted {
		m["size"] = e.Size
	}
	if e.Hash != [32]byte{} {
		m["blake3"] = hex.EncodeToString(e.Hash[:])
	}
	if e.FileError != nil {
		m["code"], m["message"] = e.FileError.Code, spelling.Text(e.FileError.Message)
	}
	if e.Err != nil {
		m["code"], m["message"], m["wait_s"] = transfer.CodeOf(e.Err), e.Err.Error(), e.Wait.Seconds()
	}
	if eta := e.Progress.ETA(); eta > 0 {
		m["eta_s"] = eta.Seconds()
	}
	return m
}
