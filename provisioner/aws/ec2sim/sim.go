package ec2sim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a Sim. The zero value is kind: nothing lags.
type Options struct {
	// Lag is the longest that a new instance is not found.
	Lag time.Duration
	// Boot, Halt and End are how long pending, stopping and shutting-down last.
	Boot, Halt, End time.Duration
	// Warning is how long after its mark a spot instance is taken; 2 min if zero.
	Warning time.Duration
	// Seed of what chance decides.
	Seed uint64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Sim is one account in one region. Serve it with net/http/httptest; its methods
// may be called at any time.
type Sim struct {
	options Options

	mutex     sync.Mutex
	rng       *rand.Rand
	serial    int
	instances map[string]*instance
	order     []string
	tokens    map[string]spent
	pages     map[string][]string
	elastics  map[string]*elastic
	left      map[string]string // volumes and interfaces without an instance: id → owner's token tag

	images   map[string]image
	subnets  map[string]subnet
	groups   map[string]string
	types    map[string]kind
	profiles map[string]bool
	keys     map[string]bool

	denied   map[string]bool
	calls    map[string]int
	capacity map[string]string // "type zone market" with * → error code
	limits   map[string]int    // by market
	throttle map[string]int
	broken   map[string]int
	lose     map[string]int
}

// spent is a client token that was used.
type spent struct{ hash, instance string }

type image struct {
	id, name, owner, architecture, created, state string
}

type subnet struct{ zone, vpc string }

type kind struct {
	architecture string
	zones        []string
	nitro        bool
}

// The fixtures that every Sim has.
const (
	Region  = "eu-sim-1"
	ImageID = "ami-0a0000000000000a1"
	// ImageFamily matches ImageID and an older one.
	ImageFamily = "godwit-node-*"
	ArmImageID  = "ami-0a0000000000000b1"
	// PendingImageID is not available yet.
	PendingImageID = "ami-0a0000000000000c1"
	SubnetA        = "subnet-0a000000000000001"
	SubnetB        = "subnet-0a000000000000002"
	SubnetC        = "subnet-0a000000000000003"
	// ForeignSubnet and ForeignGroup are of another VPC.
	ForeignSubnet = "subnet-0b000000000000009"
	Group         = "sg-0a000000000000001"
	ForeignGroup  = "sg-0b000000000000009"
	ZoneA         = Region + "a"
	ZoneB         = Region + "b"
	ZoneC         = Region + "c"
	Profile       = "godwit-node"
	// Deny as access key id is one that EC2 does not know.
	Deny = "AKIDENIED"
)

// New returns an account with the fixtures and no instance.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Warning == 0 {
		o.Warning = 2 * time.Minute
	}
	everywhere := []string{ZoneA, ZoneB, ZoneC}
	return &Sim{
		options: o, rng: rand.New(rand.NewPCG(o.Seed, 1)),
		instances: map[string]*instance{}, tokens: map[string]spent{}, pages: map[string][]string{}, left: map[string]string{}, elastics: map[string]*elastic{},
		images: map[string]image{
			ImageID:                 {ImageID, "godwit-node-2", "self", "x86_64", "2026-02-01T00:00:00.000Z", "available"},
			"ami-0a0000000000000a0": {"ami-0a0000000000000a0", "godwit-node-1", "self", "x86_64", "2026-01-01T00:00:00.000Z", "available"},
			ArmImageID:              {ArmImageID, "arm-node", "self", "arm64", "2026-01-01T00:00:00.000Z", "available"},
			PendingImageID:          {PendingImageID, "late-node", "self", "x86_64", "2026-03-01T00:00:00.000Z", "pending"},
		},
		subnets: map[string]subnet{SubnetA: {ZoneA, "vpc-1"}, SubnetB: {ZoneB, "vpc-1"}, SubnetC: {ZoneC, "vpc-1"}, ForeignSubnet: {ZoneA, "vpc-2"}},
		groups:  map[string]string{Group: "vpc-1", ForeignGroup: "vpc-2"},
		types: map[string]kind{
			"c7i.large": {"x86_64", everywhere, true}, "c6i.large": {"x86_64", everywhere, true},
			"t2.micro": {"x86_64", everywhere, false}, "m8i.large": {"x86_64", []string{ZoneA}, true},
			"c7gn.large": {"arm64", everywhere, true}, "x9.faraway": {"x86_64", []string{"eu-sim-1z"}, true},
		},
		profiles: map[string]bool{Profile: true}, keys: map[string]bool{"ops": true},
		denied: map[string]bool{}, calls: map[string]int{}, capacity: map[string]string{},
		limits: map[string]int{}, throttle: map[string]int{}, broken: map[string]int{}, lose: map[string]int{},
	}
}

// Refuse answers launches of a type, a zone and a market ("spot" or
// "on-demand"), each of which may be "*", with an error code, until it is given
// an empty one.
func (s *Sim) Refuse(size, zone, market, code string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := size + " " + zone + " " + market
	if code == "" {
		delete(s.capacity, key)
		return
	}
	s.capacity[key] = code
}

// Limit is the quota of instances of a market; negative: none.
func (s *Sim) Limit(market string, instances int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.limits[market] = instances; instances < 0 {
		delete(s.limits, market)
	}
}

// Throttle refuses the next n calls of an action with RequestLimitExceeded.
func (s *Sim) Throttle(action string, n int) { s.set(s.throttle, action, n) }

// Break answers the next n calls of an action with InternalError.
func (s *Sim) Break(action string, n int) { s.set(s.broken, action, n) }

// Lose cuts the connection after the effect of the next n calls of an action.
func (s *Sim) Lose(action string, n int) { s.set(s.lose, action, n) }

func (s *Sim) set(what map[string]int, action string, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	what[action] = n
}

// Forbid takes the right to an action away.
func (s *Sim) Forbid(action string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.denied[action] = true
}

// AddImage makes another image of a name.
func (s *Sim) AddImage(id, name, created string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.images[id] = image{id, name, "self", "x86_64", created, "available"}
}

// Calls are the actions that were asked for so far, by how often; those of STS
// with "sts:" before them.
func (s *Sim) Calls() map[string]int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	calls := map[string]int{}
	for action, n := range s.calls {
		calls[action] = n
	}
	return calls
}

// Left are the volumes and interfaces that no instance has any more.
func (s *Sim) Left() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance()
	var ids []string
	for id := range s.left {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Living counts the instances that are not terminated, whoever can see them.
func (s *Sim) Living() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance()
	n := 0
	for _, i := range s.instances {
		if i.state != "terminated" {
			n++
		}
	}
	return n
}

// Machine is an instance as it is, whoever can see it.
type Machine struct {
	// ID begins with the region, as the provider's does.
	ID, Zone string
	Tags     map[string]string
	// Running says so of its state, and Ending that it shuts down.
	Running, Ending, Spot bool
}

// Machines are all instances that are not terminated, in the order in which they
// were made.
func (s *Sim) Machines() []Machine {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance()
	var all []Machine
	for _, id := range s.order {
		if i := s.instances[id]; i.state != "terminated" {
			all = append(all, Machine{Region + "/" + id, i.zone, i.tags, i.state == "running", i.state == "shutting-down", i.spot})
		}
	}
	return all
}

// Launched is what the instance was made with, by the Query protocol's names.
func (s *Sim) Launched(id string) map[string]string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := s.instances[own(id)]; i != nil {
		return i.asked
	}
	return nil
}

// Kill ends an instance as its own operating system, or a broken host, would.
func (s *Sim) Kill(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance()
	if i := s.instances[own(id)]; i != nil {
		i.to("shutting-down", s.now(), s.options.End)
		i.reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
	}
}

// Interrupt marks a spot instance as EC2 does before it takes it.
func (s *Sim) Interrupt(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := s.instances[own(id)]; i != nil {
		i.marked = s.now()
	}
}

// Schedule announces an event of an instance.
func (s *Sim) Schedule(id, code, description string, notBefore time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := s.instances[own(id)]; i != nil {
		i.events = append(i.events, event{code, description, notBefore.UTC().Format(stamp)})
	}
}

// Impair makes the status check of an instance, or of its host, fail.
func (s *Sim) Impair(id string, host bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := s.instances[own(id)]; i != nil {
		i.impaired, i.hostImpaired = i.impaired || !host, i.hostImpaired || host
	}
}

// own drops what stands before EC2's id.
func own(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (s *Sim) now() time.Time { return s.options.Now().UTC() }

func (s *Sim) id(kind string) string {
	s.serial++
	return fmt.Sprintf("%s-0%016x", kind, s.serial)
}

// ServeHTTP answers one call.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	c := &call{sim: s, form: r.Form, action: r.Form.Get("Action"), key: accessKey(r.Header.Get("Authorization"))}
	c.sts = r.Form.Get("Version") == stsVersion
	s.advance()
	body, fault := c.answer()
	name := c.action
	cut := s.lose[name] > 0 && fault == nil
	if cut {
		s.lose[name]--
	}
	s.mutex.Unlock()
	if cut {
		panic(http.ErrAbortHandler)
	}
	c.write(w, body, fault)
}
