package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
	"github.com/godwit/godwit/policy/whatif"
	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/statestore"
)

// Fleet is the live picture of nodes and transfers; *fleet.Fleet and *fleet.Index are one.
type Fleet interface {
	Node(id string) (*fleet.NodeView, bool)
	Snapshot() []*fleet.NodeView
	Totals() fleet.Totals
	Transfer(id string) []*fleet.Live
	Lost(transfer string) []*fleet.Live
	Page(tenant string, after fleet.Cursor, limit int) ([]*fleet.Live, fleet.Cursor, bool)
	TenantSessions(tenant string) int
	Subscribe() *fleet.Subscription
}

// Commands reach nodes; *fleet.Fleet is one. Every command may be repeated.
type Commands interface {
	SetRate(ctx context.Context, node string, r command.RateRequest) error
	Cancel(ctx context.Context, node string, r command.CancelRequest) error
	// Revoke tells every node that a transfer or an access key is over, and returns the errors by node.
	Revoke(ctx context.Context, r command.RevokeRequest) map[string]error
	Broadcast(ctx context.Context, name string, request any) map[string]error
	// Restart gives a service of a node a fresh process.
	Restart(ctx context.Context, node string, r command.RestartRequest) error
}

// Clusters answers questions of what would be, and changes nothing.
type Clusters interface {
	// Preview is the plan that would be made now under p.
	Preview(ctx context.Context, clusterID string, p policy.Policy) (policy.Plan, error)
	// Validate returns the faults of a template's specification; unknown providers are a fault of field "provider".
	Validate(ctx context.Context, provider string, spec json.RawMessage) ([]Invalid, error)
	// Providers are the names that templates may name here, sorted.
	Providers() []string
	// Parts are a template's offerings; one without a name where it has one provider, none where it cannot be read.
	Parts(provider string, spec json.RawMessage) []TemplatePart
	// Effect is what a change of a template's field means for nodes that run: "live", "new_nodes" or "replace".
	Effect(provider, field string) string
	// Recording is the cluster's load as it was recorded, and what a what-if must know of the cluster.
	Recording(ctx context.Context, clusterID string, from, to time.Time) (whatif.Recording, whatif.Options, error)
	// Profile is what the cluster's past has taught the forecast.
	Profile(ctx context.Context, clusterID string) (*forecast.Profile, error)
}

// Config of a Server. Store, Fleet, Commands, Clusters, Keys, Issuer, Signer and Courier are required.
type Config struct {
	Store    *statestore.Store
	Fleet    Fleet
	Commands Commands
	Clusters Clusters
	Keys     *access.Keys
	Issuer   *access.Issuer
	Signer   *access.Signer
	Courier  *notify.Courier // sends tests of notifications

	Nodes   http.Handler // serves /node/v1: join and renewal
	Console http.Handler // serves all other paths
	Checks  []Check      // what /readyz asks, besides the state store
	// Names are those that a cluster has in DNS; nil where there are none, and may be nil.
	Names func(cluster string) *ClusterNames
	// Certificates are what is known besides uploaded ones; nil: nothing.
	Certificates Certificates
	Wake         func() // called after desired state changed, so that it is acted on at once; must not block

	Version   string
	PublicURL string // https://host:port
	CASHA256  string // pin of the cluster's certificate authority

	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // slog.Default when nil
}

// Server answers /api/v1. Run keeps its live picture; Handler serves. Both may be used at once.
type Server struct {
	config   Config
	store    *statestore.Store
	fleet    Fleet
	keys     *access.Keys
	now      func() time.Time
	log      *slog.Logger
	checks   []Check
	huma     huma.API
	router   chi.Router
	scopes   []string // sorted; all that operations ask for
	metrics  *metrics
	hub      *hub
	flock    flock
	series   *series
	latest   decisions
	shares   shares
	guesses  guesses
	network  signin.Network
	started  time.Time
	changed  chan struct{}
	stopping chan struct{}
	playing  chan struct{} // held by the one what-if that runs
	stop     sync.Once
}

// New returns a server; it does nothing until Run and Handler are called.
func New(c Config) (*Server, error) {
	if c.Store == nil || c.Fleet == nil || c.Commands == nil || c.Clusters == nil || c.Keys == nil || c.Issuer == nil || c.Signer == nil || c.Courier == nil {
		return nil, errors.New("api: store, fleet, commands, clusters, keys, issuer, signer and courier must be given")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Console == nil {
		c.Console = http.HandlerFunc(noConsole)
	}
	if c.Certificates == nil {
		c.Certificates = noCertificates{}
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Nodes == nil {
		c.Nodes = http.NotFoundHandler()
	}
	s := &Server{
		config: c, store: c.Store, fleet: c.Fleet, keys: c.Keys, now: c.Now, log: c.Log, metrics: newMetrics(),
		hub: newHub(strconv.FormatInt(c.Now().UnixMilli(), 36)), series: newSeries(), guesses: newGuesses(c.Now),
		started: c.Now(), changed: make(chan struct{}, 1), stopping: make(chan struct{}), playing: make(chan struct{}, 1),
		checks: append([]Check{{Name: "state store", Ready: c.Store.Ping}}, c.Checks...),
	}
	s.flock.names = c.Names
	s.network = egress.New(s.allowedEgress)
	s.metrics.registry.MustRegister(fleetCollector{s})
	s.mount()
	return s, nil
}

// Handler serves everything: /api/v1, /node/v1, the console, health and metrics.
func (s *Server) Handler() http.Handler { return s.router }

// Stop ends event streams, which would else hold up a graceful shutdown of the HTTP server.
func (s *Server) Stop() { s.stop.Do(func() { close(s.stopping) }) }

// Changed tells the server that stored state changed, so that followers hear of it at once. It does not block.
func (s *Server) Changed() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *Server) mount() {
	r := chi.NewRouter()
	r.Use(s.identify, guard, s.observe, s.recovered, s.sameOrigin())
	r.Get("/healthz", health)
	r.Get("/readyz", s.ready)
	r.Handle("/metrics", s.metrics.handler())
	r.Handle("/node/v1/*", s.limitJoins(s.config.Nodes)) // it routes full paths; Mount would cut them
	s.huma = humachi.New(r, description())
	s.huma.UseMiddleware(s.authorize, s.once)
	s.routes()
	r.Get("/openapi.json", s.document())
	r.Handle("/api/*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuseHTTP(w, r, newProblem(http.StatusNotFound, "", "there is no operation "+r.Method+" "+r.URL.Path+"; see /openapi.json"))
	}))
	r.NotFound(s.config.Console.ServeHTTP)
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		s.refuseHTTP(w, r, newProblem(http.StatusMethodNotAllowed, "", r.Method+" is not an operation of "+r.URL.Path+"; see /openapi.json"))
	})
	s.router = r
}

func noConsole(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte("This manager was built without the console (make web builds it). The API is at /api/v1, its description at /openapi.json.\n"))
}
