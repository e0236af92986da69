package transfer

import (
	"errors"
	"io/fs"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
)

// survey answers a dry run: verdicts say what would be done, nothing is. A
// sender that sends data all the same has it thrown away.
func (l *landing) survey(c *job.ReceiverConfig) {
	c.Open = func(e job.Entry, _ bool) { l.do(func() { l.plan(e) }) }
	c.Small = func(e job.Entry, _ hashtree.Hash, data []byte, _ bool) {
		l.do(func() {
			if data != nil {
				l.lock.Lock()
				l.rcv.Free(e.ID, data)
				l.lock.Unlock()
			}
			l.plan(e)
		})
	}
	c.Make = func(e job.Entry) { l.do(func() { l.plan(e) }) }
	c.Write = func(id uint64, _ int, data []byte) { l.do(func() { l.refuse(id, data) }) }
	c.Commit = func(id uint64, _ hashtree.Hash) { l.do(func() { l.refuse(id, nil) }) }
	c.Abandon = func(uint64, bool) {}
}

// plan gives e the verdict that it would get.
func (l *landing) plan(e job.Entry) {
	p, err := l.target(e)
	var want bool
	switch {
	case err != nil:
	case e.Kind == job.Dir:
		_, err = l.tree.Stat(p)
		if want = errors.Is(err, fs.ErrNotExist); want {
			err = nil
		}
	case e.Kind == job.Symlink:
		if err = l.tree.CheckLink(p, e.Target); err == nil {
			want, err = l.wanted(e, p)
		}
	default:
		want, err = l.wanted(e, p)
	}
	outcome := control.Skipped
	if want {
		outcome = control.Committed
	}
	l.end(e, p, outcome, err)
}

// refuse drops what no dry run is sent.
func (l *landing) refuse(id uint64, data []byte) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if data != nil {
		l.rcv.Free(id, data)
	}
	l.rcv.End(control.Verdict{ID: id, Outcome: control.Failed, Code: string(CodeProtocol), Message: "data in a dry run"})
}
