package aws

import (
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// recent holds the instances that were made so lately that EC2 may not show
// them yet: that it does not know them is no sign that they are gone.
type recent struct {
	mutex sync.Mutex
	known map[string]young
}

type young struct {
	instance provisioner.Instance
	at       time.Time
}

func (r *recent) made(now time.Time, instance provisioner.Instance) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.known == nil {
		r.known = map[string]young{}
	}
	r.known[instance.ID] = young{instance, now}
}

// of returns an instance that is younger than lag, and forgets older ones.
func (r *recent) of(now time.Time, id string, lag time.Duration) (provisioner.Instance, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for known, y := range r.known {
		if now.Sub(y.at) > lag {
			delete(r.known, known)
		}
	}
	y, ok := r.known[id]
	return y.instance, ok
}

// unseen makes of EC2's answer that it does not know an instance which was made a
// moment ago one that is to be repeated. Other answers stay what they are.
func (p *Provider) unseen(op, id string, err error) error {
	if cloud.Class(err) == provisioner.NotFound {
		if _, young := p.recent.of(p.now(), id, p.lag); young {
			return provisioner.Refuse(provisioner.Transient, op, id, "EC2 does not show it yet")
		}
	}
	return err
}
