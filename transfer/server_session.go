package transfer

import (
	"sync"

	"github.com/godwit/godwit/transfer/control"
)

// serverSession is one session as the server's methods see it.
type serverSession struct {
	server *Server
	ctl    *controlConn
	grant  Grant
	hello  control.Hello

	mu     sync.Mutex
	status SessionStatus
	end    *Error // set once: why this end ends it
}

// Status is the session now.
func (x *serverSession) Status() SessionStatus {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status
}

func (x *serverSession) setRate(rate int64) {
	x.mu.Lock()
	x.status.Target = max(rate, 0)
	x.mu.Unlock()
}

func (x *serverSession) setPolicy(p Policy) {
	x.mu.Lock()
	x.status.Policy = p
	x.mu.Unlock()
}

// move asks the client to go; it stops sending or asking for new files, lets
// what is on its way land and closes.
func (x *serverSession) move() {
	x.mu.Lock()
	x.status.Moving = true
	x.mu.Unlock()
	_ = x.ctl.sendJSON(control.TypeMove, control.Move{})
}

// cancel ends the session with why.
func (x *serverSession) cancel(why *Error) {
	x.mu.Lock()
	if x.end == nil {
		x.end = why
	}
	x.mu.Unlock()
	_ = x.ctl.sendJSON(control.TypeClose, closeFrame(why))
	go x.ctl.close()
}
