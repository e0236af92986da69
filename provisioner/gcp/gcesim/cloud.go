package gcesim

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options say how hostile the cloud is. The zero value is a friendly one that
// takes no time.
type Options struct {
	// Now is its clock; time.Now if nil.
	Now func() time.Time
	// Step is how long an operation is PENDING, and again RUNNING, and an
	// instance PROVISIONING, and again STAGING.
	Step time.Duration
	// WaitLimit is the longest that zoneOperations.wait holds an answer back; 2
	// minutes, as Google's, if zero.
	WaitLimit time.Duration
	// ListLag is how long a new instance is missing in lists.
	ListLag time.Duration
	// Page is the most that a page holds, whatever the client asks; 500 if zero.
	Page int
	// RequestsPerSecond that are answered; 0: all. Burst of them at once.
	RequestsPerSecond float64
	Burst             int
	// LoseOneIn answers to a change is lost: it took effect, and the connection
	// breaks. FailOneIn requests is answered with 503. 0: none. Nobody has such
	// luck more than three times in a row with one resource.
	LoseOneIn, FailOneIn int
	// Seed of both.
	Seed uint64
	// Unserved clouds have no URL: whoever made one calls ServeHTTP.
	Unserved bool
}

// Cloud is one project. It is safe for concurrent use.
type Cloud struct {
	// URL is its endpoint.
	URL string

	options Options
	mux     http.Handler
	server  *httptest.Server
	limit   *rate.Limiter

	mutex      sync.Mutex
	chance     *rand.Rand
	serial     uint64
	instances  map[string]*machine // by zone/name
	disks      map[string]*diskRecord
	addresses  map[string]*address
	operations map[string]*change // by zone/name
	requests   map[string]*change // by requestId
	exhausted  map[Offering]bool
	quota      map[string]int // limit by metric, of Region
	down       map[string]bool
	granted    map[string]bool // nil: everything
	lose       int
	strand     int
	throttled  int
	used       map[string]bool
	calls      map[string]int
	unlucky    map[string]int // in a row, by path
}

// Offering is what a zone may be out of.
type Offering struct {
	Zone, Type string
	Spot       bool
}

// New starts a cloud. Close it.
func New(o Options) *Cloud {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.WaitLimit == 0 {
		o.WaitLimit = 2 * time.Minute
	}
	if o.Page == 0 {
		o.Page = 500
	}
	c := &Cloud{
		options: o, chance: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // chance of a simulation, which must repeat
		instances: map[string]*machine{}, disks: map[string]*diskRecord{}, addresses: map[string]*address{}, operations: map[string]*change{},
		requests: map[string]*change{}, exhausted: map[Offering]bool{}, quota: map[string]int{}, down: map[string]bool{},
		used: map[string]bool{}, calls: map[string]int{}, unlucky: map[string]int{},
	}
	if o.RequestsPerSecond > 0 {
		c.limit = rate.NewLimiter(rate.Limit(o.RequestsPerSecond), max(o.Burst, 1))
	}
	c.mux = c.handler()
	if !o.Unserved {
		c.server = httptest.NewServer(c.mux)
		c.URL = c.server.URL
	}
	return c
}

// ServeHTTP answers one request. It panics with http.ErrAbortHandler where the
// answer is lost.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// Close ends the cloud; requests under way are cut off.
func (c *Cloud) Close() {
	if c.server == nil {
		return
	}
	c.server.CloseClientConnections()
	c.server.Close()
}

// Exhaust makes a zone run out of an offering, or have it again.
func (c *Cloud) Exhaust(o Offering, out bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.exhausted[o] = out
}

// Quota limits a metric of Region: "CPUS", "PREEMPTIBLE_CPUS", "INSTANCES".
func (c *Cloud) Quota(metric string, limit int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.quota[metric] = limit
}

// Down makes a zone unreachable: in lists it is a warning.
func (c *Cloud) Down(zone string, down bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.down[zone] = down
}

// LoseNext loses the answers to the next n changes.
func (c *Cloud) LoseNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.lose = n
}

// StrandNext leaves the disks of the next n instances that end behind, as a
// deletion that fails half-way does.
func (c *Cloud) StrandNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.strand = n
}

// ThrottleNext refuses the next n requests for their number.
func (c *Cloud) ThrottleNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.throttled = n
}

// Grant leaves the caller these permissions only.
func (c *Cloud) Grant(permissions ...string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.granted = map[string]bool{}
	for _, p := range permissions {
		c.granted[p] = true
	}
}

// Used returns the permissions that successful requests needed so far, sorted.
func (c *Cloud) Used() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Sorted(maps.Keys(c.used))
}

// Calls counts the requests to a method, "instances.insert", refused or not.
func (c *Cloud) Calls(method string) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.calls[method]
}

// oneIn is chance, with the mutex held, for one resource.
func (c *Cloud) oneIn(n int, path string) bool {
	if n > 0 && c.chance.IntN(n) == 0 && c.unlucky[path] < 3 {
		c.unlucky[path]++
		return true
	}
	return false
}

// handler knows the methods, with the permissions that each always needs.
func (c *Cloud) handler() http.Handler {
	mux := http.NewServeMux()
	const project = "/compute/v1/projects/{project}"
	for _, m := range []struct {
		pattern, name string
		permissions   []string
		serve         func(*http.Request) (any, *refusal)
	}{
		{"GET " + project + "/aggregated/instances", "instances.aggregatedList", []string{"compute.instances.list"}, c.listInstances},
		{"GET " + project + "/aggregated/disks", "disks.aggregatedList", []string{"compute.disks.list"}, c.listDisks},
		{"POST " + project + "/zones/{zone}/instances", "instances.insert", []string{"compute.instances.create"}, c.insert},
		{"GET " + project + "/zones/{zone}/instances/{name}", "instances.get", []string{"compute.instances.get"}, c.get},
		{"DELETE " + project + "/zones/{zone}/instances/{name}", "instances.delete", []string{"compute.instances.delete"}, c.remove},
		{"POST " + project + "/zones/{zone}/instances/{name}/stop", "instances.stop", []string{"compute.instances.stop"}, c.stop},
		{"POST " + project + "/zones/{zone}/instances/{name}/start", "instances.start", []string{"compute.instances.start"}, c.start},
		{"GET " + project + "/zones/{zone}/instances/{name}/serialPort", "instances.getSerialPortOutput", []string{"compute.instances.getSerialPortOutput"}, c.serialPort},
		{"DELETE " + project + "/zones/{zone}/disks/{name}", "disks.delete", []string{"compute.disks.delete"}, c.removeDisk},
		{"POST " + project + "/zones/{zone}/operations/{name}/wait", "zoneOperations.wait", []string{"compute.zoneOperations.get"}, c.wait},
		{"GET " + project + "/zones/{zone}/operations/{name}", "zoneOperations.get", []string{"compute.zoneOperations.get"}, c.operation},
		{"GET " + project + "/zones/{zone}/machineTypes/{name}", "machineTypes.get", []string{"compute.machineTypes.get"}, c.machineType},
		{"GET " + project + "/regions/{region}", "regions.get", []string{"compute.regions.get"}, c.region},
		{"GET " + project + "/regions/{region}/addresses", "addresses.list", []string{"compute.addresses.list"}, c.listAddresses},
		{"GET " + project + "/regions/{region}/subnetworks/{name}", "subnetworks.get", []string{"compute.subnetworks.get"}, c.subnetwork},
		{"GET " + project + "/global/images/{name}", "images.get", []string{"compute.images.get"}, c.image},
		{"GET " + project + "/global/images/family/{name}", "images.getFromFamily", []string{"compute.images.getFromFamily"}, c.family},
	} {
		mux.HandleFunc(m.pattern, func(w http.ResponseWriter, r *http.Request) {
			c.serve(w, r, m.name, m.permissions, m.serve)
		})
	}
	return mux
}

// serve does what is common to all methods: counting, throttling, permissions,
// failures, and answers that are lost.
func (c *Cloud) serve(w http.ResponseWriter, r *http.Request, name string, permissions []string, method func(*http.Request) (any, *refusal)) {
	changes := r.Method != http.MethodGet && name != "zoneOperations.wait"
	c.mutex.Lock()
	c.calls[name]++
	refused := c.refused(r, permissions)
	c.mutex.Unlock()
	if refused != nil {
		refused.write(w)
		return
	}
	body, no := method(r)
	c.mutex.Lock()
	lost := changes && (c.lose > 0 || c.oneIn(c.options.LoseOneIn, r.URL.Path))
	if lost && c.lose > 0 {
		c.lose--
	}
	if !lost {
		delete(c.unlucky, r.URL.Path)
	}
	c.mutex.Unlock()
	switch {
	case lost:
		panic(http.ErrAbortHandler)
	case no != nil:
		no.write(w)
	default:
		answer(w, body)
	}
}

func (c *Cloud) refused(r *http.Request, permissions []string) *refusal {
	switch {
	case c.throttled > 0 || c.limit != nil && !c.limit.Allow():
		c.throttled = max(c.throttled-1, 0)
		if c.serial++; c.serial%2 == 0 {
			return refuse(http.StatusTooManyRequests, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'")
		}
		return refuse(http.StatusForbidden, "rateLimitExceeded", "Rate Limit Exceeded")
	case c.oneIn(c.options.FailOneIn, r.URL.Path):
		return refuse(http.StatusServiceUnavailable, "backendError", "Backend Error")
	case r.PathValue("project") != Project && !publicImages(r):
		return refuse(http.StatusForbidden, "forbidden", "Required '%s' permission for 'projects/%s'", permissions[0], r.PathValue("project"))
	}
	return c.need(r.PathValue("project"), permissions...)
}

// publicImages: projects of public images answer everybody.
func publicImages(r *http.Request) bool {
	_, public := images[r.PathValue("project")]
	return public && r.PathValue("zone") == "" && r.PathValue("region") == ""
}

// need checks permissions and notes them, with the mutex held.
func (c *Cloud) need(project string, permissions ...string) *refusal {
	for _, p := range permissions {
		if c.granted != nil && !c.granted[p] && project == Project {
			return refuse(http.StatusForbidden, "forbidden", "Required '%s' permission for 'projects/%s'", p, Project)
		}
	}
	for _, p := range permissions {
		c.used[p] = true
	}
	return nil
}
