package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner"
)

const listLag = 20 * time.Second

// simCloud is hostile: it refuses, forgets to answer, lists late and lets
// machines die.
type simCloud struct {
	name        string
	collections []collection
	w           *world
	instances   map[string]*simInstance
	serial      int
	quota       int
	// refuse answers every launch until then with the class.
	refuse      provisioner.Class
	refuseUntil time.Time
	advice      time.Duration // with a refusal: when to ask again
	listsFail   time.Time
	// throttled answers every call until then with a refusal.
	throttled time.Time
	// warns is a chance of its own, so that notices leave other draws alone.
	warns *rand.Rand
}

type simInstance struct {
	provisioner.Instance
	listedAt time.Time // List shows it from then on
	joinsAt  time.Time // zero: never
	endsAt   time.Time // terminating until then; zero: not asked to
	stopsAt  time.Time // stopping until then; zero: not asked to
	dead     bool      // ended by itself
	zone     int
	asked    string // the request that made it
}

func newSimCloud(w *world, name string) *simCloud {
	return &simCloud{name: name, w: w, instances: map[string]*simInstance{}, quota: w.policy.MaxNodes + 3, warns: rand.New(rand.NewPCG(uint64(w.policy.MaxNodes), 3))}
}

// exists says that the machine is there; it costs money unless it is stopped.
func (i *simInstance) exists() bool { return i.endsAt.IsZero() }

func (c *simCloud) all() []*simInstance {
	var list []*simInstance
	for _, i := range c.instances {
		list = append(list, i)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// instances are those of all clouds.
func (w *world) instances() []*simInstance {
	var list []*simInstance
	for _, c := range w.clouds() {
		list = append(list, c.all()...)
	}
	return list
}

func (w *world) clouds() []*simCloud {
	if w.sky == nil {
		return []*simCloud{w.cloud}
	}
	return []*simCloud{w.cloud, w.sky}
}

func (c *simCloud) advance() {
	w := c.w
	for _, i := range c.all() {
		switch {
		case !i.endsAt.IsZero():
			if !w.now.Before(i.endsAt) {
				delete(c.instances, i.ID)
			}
		case !i.stopsAt.IsZero():
			if !w.now.Before(i.stopsAt) {
				i.stopsAt, i.State = time.Time{}, provisioner.Stopped
			}
		case i.dead:
		case i.Notice != nil && i.Notice.Kind == provisioner.Reclaimed && !w.now.Before(i.Notice.At):
			c.kill(i)
			w.meet("instance taken back")
		case i.Notice == nil && !w.calm() && !w.obedient && c.warns.IntN(900) == 0:
			i.Notice = &provisioner.Notice{Kind: provisioner.Reclaimed, At: w.now.Add(2 * time.Minute)}
			if c.warns.IntN(2) == 0 {
				i.Notice = &provisioner.Notice{Kind: provisioner.Impaired}
			}
			w.trouble(w.now.Add(2 * time.Minute))
			w.tell("%s of %s: %s", i.ID, i.NodeID, i.Notice.Kind)
			w.meet("notice of " + string(i.Notice.Kind))
		case w.chance(1500):
			c.kill(i)
			w.meet("instance died")
		case !i.joinsAt.IsZero() && !w.now.Before(i.joinsAt):
			i.joinsAt = time.Time{}
			w.nodeJoins(i)
		}
	}
	if w.chance(80) {
		c.refuse = []provisioner.Class{provisioner.Capacity, provisioner.Throttled, provisioner.Unauthorized, provisioner.InvalidTemplate}[w.rng.IntN(4)]
		c.refuseUntil = w.now.Add(w.between(10*time.Second, 5*time.Minute))
		w.tell("the cloud answers %s for %s", c.refuse, c.refuseUntil.Sub(w.now))
	}
	if w.chance(500) {
		zone := w.rng.IntN(2)
		c.refuse, c.refuseUntil = provisioner.Capacity, w.now.Add(w.between(time.Minute, 4*time.Minute))
		w.tell("zone %d goes dark; no capacity for %s", zone, c.refuseUntil.Sub(w.now))
		w.meet("zone outage")
		for _, i := range c.all() {
			if i.zone == zone && i.endsAt.IsZero() && !i.dead {
				c.kill(i)
			}
		}
	}
	if w.chance(300) {
		c.throttled = w.now.Add(w.between(10*time.Second, 2*time.Minute))
		w.tell("the cloud throttles every call for %s", c.throttled.Sub(w.now))
		w.meet("every call throttled")
	}
	if w.chance(300) {
		c.listsFail = w.now.Add(w.between(5*time.Second, time.Minute))
		w.tell("lists fail for %s", c.listsFail.Sub(w.now))
	}
	if w.chance(400) {
		c.quota = 1 + w.rng.IntN(w.policy.MaxNodes+3)
		w.tell("quota is %d", c.quota)
	}
	if w.calm() && !w.quiet {
		c.refuseUntil, c.listsFail, c.throttled, c.quota = time.Time{}, time.Time{}, time.Time{}, w.policy.MaxNodes+3
	}
	for _, until := range []time.Time{c.refuseUntil, c.listsFail, c.throttled} {
		w.trouble(until)
	}
	if c.quota < w.policy.MaxNodes { // also where another cloud has room: nodes wait for the first one's answer
		w.trouble(w.now)
	}
}

// kill ends an instance behind everybody's back.
func (c *simCloud) kill(i *simInstance) {
	i.dead, i.State = true, provisioner.Stopped
	if c.w.rng.IntN(2) == 0 {
		delete(c.instances, i.ID) // taken back without a trace
	}
	c.w.nodeDies(i)
	c.w.trouble(c.w.now)
	c.w.tell("%s of %s dies", i.ID, i.NodeID)
}

// busy refuses a call while the cloud throttles.
func (c cloudOf) busy(op string) error {
	if !c.w.now.Before(c.throttled) {
		return nil
	}
	return &provisioner.Error{Class: provisioner.Throttled, Op: op, RetryAfter: 5 * time.Second}
}

// cloudOf is the cloud as one manager reaches it.
type cloudOf struct {
	*simCloud
	m *simManager
}

func (c cloudOf) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: c.name, ListLag: listLag, StopStart: true, Spot: c.sellsSpot()}
}

func (c *simCloud) sellsSpot() bool { return c.w.spot > 0 && c != c.w.sky }

func (c cloudOf) Validate(context.Context, json.RawMessage) ([]provisioner.FieldError, error) {
	return nil, nil
}

func (c cloudOf) fail(class provisioner.Class, what string) error {
	c.w.meet(what)
	c.w.trouble(c.w.now)
	if class != provisioner.Transient && class != provisioner.Throttled {
		c.w.trouble(c.w.now.Add(5 * time.Minute)) // so long nobody may be asked again
	}
	return &provisioner.Error{Class: class, Op: "launch", RetryAfter: c.advice, Err: errors.New(what)}
}

func (c cloudOf) Launch(_ context.Context, q provisioner.LaunchRequest) (provisioner.Instance, error) {
	c.m.touch()
	if err := c.busy("launch"); err != nil {
		return provisioner.Instance{}, err
	}
	for _, i := range c.all() {
		if i.ClientToken == q.ClientToken {
			if asked := string(mustJSON(q)); asked != i.asked {
				c.w.fault("a launch was repeated with another request:\n%s\n%s", i.asked, asked)
			}
			c.w.meet("launch repeated")
			c.m.touch()
			return i.Instance, nil
		}
	}
	if c.w.now.Before(c.refuseUntil) {
		return provisioner.Instance{}, c.fail(c.refuse, string(c.refuse))
	}
	count := 0
	for _, i := range c.instances {
		if i.exists() {
			count++
		}
	}
	if count >= c.quota {
		return provisioner.Instance{}, c.fail(provisioner.Quota, "quota")
	}
	if c.w.chance(12) {
		return provisioner.Instance{}, c.fail(provisioner.Transient, "no connection")
	}
	i := c.create(q)
	c.m.touch()
	if c.w.chance(12) {
		c.w.tell("the answer to the launch of %s is lost", q.NodeID)
		return provisioner.Instance{}, c.fail(provisioner.Transient, "lost answer")
	}
	return i.Instance, nil
}

func (c *simCloud) id() string {
	if c.name == "sim" {
		return fmt.Sprintf("i%03d", c.serial)
	}
	return fmt.Sprintf("%s-i%03d", c.name, c.serial)
}

func (c cloudOf) create(q provisioner.LaunchRequest) *simInstance {
	w := c.w
	c.serial++
	i := &simInstance{
		Instance: provisioner.Instance{
			ID: c.id(), ClientToken: q.ClientToken, NodeID: q.NodeID, Owner: q.Owner,
			State: provisioner.Running, LaunchedAt: w.now, PublicAddresses: []string{"192.0.2.1"},
		},
		listedAt: w.now.Add(w.between(0, listLag)),
		joinsAt:  w.now.Add(w.between(20*time.Second, 3*time.Minute)),
		asked:    string(mustJSON(q)), zone: c.serial % 2,
	}
	if i.Spot = c.sellsSpot() && c.serial%4 < w.spot && !q.OnDemand; i.Spot {
		w.meet("spot")
	}
	if w.chance(15) {
		i.joinsAt = time.Time{}
		w.trouble(w.now.Add(time.Duration(w.policy.LaunchTimeoutS) * time.Second))
		w.meet("never joins")
	}
	if strings.Contains(string(q.Spec), `"sick":true`) {
		i.joinsAt = time.Time{}
	}
	c.instances[i.ID] = i
	w.tell("%s is made for %s", i.ID, q.NodeID)
	w.meet("launched")
	w.check.launched(q)
	if w.chance(30) {
		// A token promise broken, or an answer that took a minute: it is nobody's.
		c.serial++
		twin := *i
		twin.ID, twin.ClientToken, twin.joinsAt = c.id(), "", time.Time{}
		twin.LaunchedAt = w.now.Add(time.Second)
		twin.listedAt = w.now.Add(w.between(listLag, 2*time.Minute))
		c.instances[twin.ID] = &twin
		w.tell("%s is made for %s too", twin.ID, q.NodeID)
	}
	return i
}

func (c cloudOf) Get(_ context.Context, id string) (provisioner.Instance, error) {
	if err := c.busy("get"); err != nil {
		return provisioner.Instance{}, err
	}
	i := c.instances[id]
	if i == nil {
		return provisioner.Instance{}, &provisioner.Error{Class: provisioner.NotFound, Op: "get", Subject: id}
	}
	return i.Instance, nil
}

func (c cloudOf) List(_ context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	c.m.touch()
	if err := c.busy("list"); err != nil {
		return nil, err
	}
	if c.w.now.Before(c.listsFail) {
		c.w.meet("list failed")
		return nil, &provisioner.Error{Class: provisioner.Transient, Op: "list"}
	}
	var list []provisioner.Instance
	for _, i := range c.all() {
		if owner.Owns(i.Owner) && !c.w.now.Before(i.listedAt) {
			list = append(list, i.Instance)
		}
	}
	return list, nil
}

func (c cloudOf) Terminate(_ context.Context, ids []string) []provisioner.Result {
	var results []provisioner.Result
	for _, id := range ids {
		c.m.touch()
		result := provisioner.Result{ID: id, Err: c.busy("terminate")}
		switch i := c.instances[id]; {
		case i == nil || result.Err != nil:
		case c.w.chance(10):
			result.Err = &provisioner.Error{Class: provisioner.Throttled, Op: "terminate", RetryAfter: 3 * time.Second}
		case i.endsAt.IsZero():
			if n := c.w.nodes[i.NodeID]; n != nil && n.instance == i.ID {
				c.w.check.ends(n)
			}
			i.endsAt = c.w.now.Add(c.w.between(0, 30*time.Second))
			i.State = provisioner.Terminating
			c.w.nodeDies(i)
			c.w.tell("%s of %s is ended", id, i.NodeID)
			c.w.meet("terminated")
		}
		c.m.touch()
		results = append(results, result)
	}
	return results
}

func (c cloudOf) Console(context.Context, string) ([]byte, error) { return nil, nil }
