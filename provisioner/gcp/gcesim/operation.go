package gcesim

import (
	"fmt"
	"net/http"
	"time"
)

// change is an operation, and what it does when it is done.
type change struct {
	operation
	begun  time.Time
	doneAt time.Time
	fails  *failure
	finish func()
}

// failure is why an accepted change fails.
type failure struct {
	code    string // of error.errors[]
	status  int
	message string
}

// begin makes an operation, with the mutex held. finish runs once, when it is
// done, unless it fails.
func (c *Cloud) begin(r *http.Request, kind, zone, target string, fails *failure, finish func()) *change {
	c.serial++
	now := c.options.Now()
	op := &change{begun: now, doneAt: now.Add(2 * c.options.Step), fails: fails, finish: finish}
	op.operation = operation{
		ID: c.serial, Name: fmt.Sprintf("operation-%d", c.serial), Zone: selfLink("zones/%s", zone), OperationType: kind,
		TargetLink: selfLink("zones/%s/%s", zone, target), Status: "PENDING", InsertTime: now.Format(time.RFC3339Nano),
	}
	c.operations[zone+"/"+op.Name] = op
	if id := r.URL.Query().Get("requestId"); id != "" {
		c.requests[id] = op
	}
	return op
}

// advance brings everything to the present, with the mutex held.
func (c *Cloud) advance() {
	now := c.options.Now()
	for _, op := range c.operations {
		switch {
		case op.Status == "DONE":
		case !now.Before(op.doneAt):
			op.Status, op.Progress = "DONE", 100
			if op.fails != nil {
				op.Error = &operationError{[]errorItem{{Code: op.fails.code, Message: op.fails.message}}}
				op.HTTPStatus, op.HTTPMessage = op.fails.status, http.StatusText(op.fails.status)
			}
			if op.finish != nil {
				op.finish()
			}
		case !now.Before(op.begun.Add(c.options.Step)):
			op.Status, op.Progress = "RUNNING", 50
		}
	}
	for _, m := range c.instances {
		m.advance(now, c.options.Step)
	}
}

// repeated is the operation that a requestId began before.
func (c *Cloud) repeated(r *http.Request) *change {
	return c.requests[r.URL.Query().Get("requestId")]
}

func (c *Cloud) operation(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	return c.findOperation(r)
}

func (c *Cloud) findOperation(r *http.Request) (any, *refusal) {
	op := c.operations[r.PathValue("zone")+"/"+r.PathValue("name")]
	if op == nil {
		return nil, notFound("projects/" + Project + "/zones/" + r.PathValue("zone") + "/operations/" + r.PathValue("name"))
	}
	return op.operation, nil
}

func (c *Cloud) wait(r *http.Request) (any, *refusal) {
	limit := time.NewTimer(c.options.WaitLimit)
	defer limit.Stop()
	for {
		c.mutex.Lock()
		c.advance()
		found, no := c.findOperation(r)
		c.mutex.Unlock()
		if op, ok := found.(operation); no != nil || ok && op.Status == "DONE" {
			return found, no
		}
		look := time.NewTimer(max(c.options.Step/4, time.Millisecond))
		select {
		case <-look.C:
		case <-limit.C:
			look.Stop()
			return found, nil
		case <-r.Context().Done():
			look.Stop()
			return found, nil
		}
	}
}
