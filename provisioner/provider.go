package provisioner

import (
	"context"
	"encoding/json"
	"time"
)

// Provider makes, lists and ends instances. Implementations are safe for
// concurrent use and keep no state that a restart would lose: what they know
// is what the cloud (or the disk) tells them.
//
// Unless a method says otherwise its error is an *Error of one of the classes
// in this package, or the context's error.
type Provider interface {
	// Capabilities says what this provider can do. It is constant for the life
	// of the provider and does no I/O.
	Capabilities() Capabilities

	// Validate checks a template's spec without creating anything. A nil list
	// and nil error mean that Launch would accept the spec. The error is about
	// the check itself (credentials refused, the cloud unreachable), never
	// about the spec.
	Validate(ctx context.Context, spec json.RawMessage) ([]FieldError, error)

	// Launch creates one instance, tagged with its owner and node before it
	// can run. A second call with the same client token returns the instance
	// of the first and creates nothing, also after a restart and also when the
	// first caller never saw the answer. Once that instance is terminated its
	// token is spent: Launch may then create anew or refuse with NotFound.
	//
	// A nil error means that the instance exists, not that it runs. Where the spec
	// names an address pool the instance has an address of it, which nobody else has;
	// a pool without a free one is Capacity, and nothing is left of the launch.
	Launch(ctx context.Context, request LaunchRequest) (Instance, error)

	// Get returns one instance, or NotFound when it never was or is terminated.
	Get(ctx context.Context, id string) (Instance, error)

	// List returns every instance of an owner that is not terminated, in
	// order of id. It pages inside. A cloud may take some seconds to list a
	// new instance; it never lists an instance of another owner.
	List(ctx context.Context, owner Owner) ([]Instance, error)

	// Terminate ends instances with their disks and addresses, gives an address of a
	// pool back to it, where it stays the operator's, and returns one
	// result per id, in the order given. A result without an error means that
	// the end was triggered and can't be undone; Get says when it is complete.
	// Ending an instance that is gone already is a success. Ids that are not
	// named are never touched.
	Terminate(ctx context.Context, ids []string) []Result

	// Stop halts instances and keeps their disks, and their addresses of a pool, to
	// be started again. Only where Capabilities.StopStart; else every result is
	// Unsupported. So is that of a spot instance without Capabilities.StopSpot.
	Stop(ctx context.Context, ids []string) []Result

	// Start runs stopped instances again. Only where Capabilities.StopStart;
	// else every result is Unsupported.
	Start(ctx context.Context, ids []string) []Result

	// Console returns the last part of what the instance wrote to its console,
	// at most 64 KiB. It may lag, and may still answer after termination; an
	// instance without output yields an empty slice.
	Console(ctx context.Context, id string) ([]byte, error)
}

// ConsoleLimit is the most that Console returns, in bytes: what EC2 and Azure
// keep of a serial console.
const ConsoleLimit = 64 << 10

// Capabilities are the optional abilities of a provider.
type Capabilities struct {
	// Provider is the name that templates use: "local", "aws" …
	Provider string `json:"provider"`
	// StopStart: instances can be stopped and started again (warm pool).
	StopStart bool `json:"stop_start"`
	// StopSpot: so can those that were bought as spot.
	StopSpot bool `json:"stop_spot,omitempty"`
	// Spot: instances can be bought at a discount and taken back.
	Spot bool `json:"spot"`
	// SharedMachine: instances run on one machine and share its processors, so
	// that its load is no reason for another instance; only their own is.
	SharedMachine bool `json:"shared_machine,omitempty"`
	// ListLag is how long List may take to show a new instance; zero: none.
	ListLag time.Duration `json:"list_lag,omitempty"`
	// Zones that can be named in a template; empty where there are none.
	Zones []string `json:"zones,omitempty"`
}

// Owner says whose an instance is. It is written on the instance as a tag.
type Owner struct {
	// Installation is one Godwit: everything that shares a state store.
	Installation string `json:"installation"`
	// Cluster is the id of a cluster. Empty in List: all of the installation.
	Cluster string `json:"cluster,omitempty"`
}

// Owns reports whether an instance tagged with other belongs to o.
func (o Owner) Owns(other Owner) bool {
	return o.Installation == other.Installation && (o.Cluster == "" || o.Cluster == other.Cluster)
}

// LaunchRequest asks for one instance.
type LaunchRequest struct {
	// ClientToken makes the launch idempotent. It is derived from the node's
	// row, which was written first. 1 to 64 characters of [A-Za-z0-9_-].
	ClientToken string
	NodeID      string
	NodeName    string
	Owner       Owner
	// Spec is the template, in this provider's own form.
	Spec json.RawMessage
	// Bootstrap is what the instance needs to find its manager and join. The
	// provider hands it over in its own way: a file, cloud-init user data.
	Bootstrap Bootstrap
	Tags      map[string]string
	// OnDemand: the node is to be stopped and started, so it is not bought as spot,
	// whatever share the template wants. Only where not Capabilities.StopSpot.
	OnDemand bool `json:",omitempty"`
	// AskedBefore is when a provider may last have been asked with this token by
	// somebody whose answer is not known; zero: never. A provider that knows its
	// tokens needs no such word; one whose choice of offering may differ from
	// before looks first for what the earlier call made, and knows from the time
	// whether that would be listed by now.
	AskedBefore time.Time `json:"-"`
}

// Bootstrap is all that a new node is told: where its manager is, how to
// recognise it, and a token that is good for one join. Nothing else secret
// ever travels in user data.
type Bootstrap struct {
	ManagerURLs []string `json:"manager_urls"`
	CASHA256    string   `json:"ca_sha256"`
	NodeID      string   `json:"node_id"`
	Cluster     string   `json:"cluster"`
	JoinToken   string   `json:"join_token"`
	// JoinTimeoutS is how long the node may take to join, in seconds: its launch
	// timeout. 0: not said.
	JoinTimeoutS int `json:"join_timeout_s,omitempty"`
	// Binaries are the node programs for Linux that the manager hands out: their
	// SHA-256 in hexadecimal by architecture, as Go names it ("amd64").
	Binaries map[string]string `json:"binaries,omitempty"`
}

// Instance is one machine (or process) as its provider sees it.
type Instance struct {
	ID          string        `json:"id"`
	ClientToken string        `json:"client_token"`
	NodeID      string        `json:"node_id"`
	Owner       Owner         `json:"owner"`
	State       InstanceState `json:"state"`
	// Detail says why the state is what it is, for people; may be empty.
	Detail           string            `json:"detail,omitempty"`
	Zone             string            `json:"zone,omitempty"`
	Type             string            `json:"type,omitempty"`
	PrivateAddresses []string          `json:"private_addresses,omitempty"`
	PublicAddresses  []string          `json:"public_addresses,omitempty"`
	Spot             bool              `json:"spot,omitempty"`
	LaunchedAt       time.Time         `json:"launched_at"`
	Tags             map[string]string `json:"tags,omitempty"`
	// Notice is the provider's warning that the instance is about to end or no
	// longer fit: nil where all is well. Whoever gets one moves the work away and
	// replaces the instance; the provider does nothing by itself.
	Notice *Notice `json:"notice,omitempty"`
	// Unfinished: its launch was cut short before the instance had all that it needs,
	// such as its address of a pool. Launch, asked again with its token, goes on.
	Unfinished bool `json:"unfinished,omitempty"`
	// PassedOver is what would have been taken before it, and was refused. Only
	// Launch tells, of the call that made the instance.
	PassedOver []Refusal `json:"passed_over,omitempty"`
}

// Notice is a provider's warning about one instance.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	// At is when it happens, at the earliest; zero: it may happen at any moment,
	// or has.
	At time.Time `json:"at,omitzero"`
	// Text is the provider's own description, for people.
	Text string `json:"text"`
}

// NoticeKind is what a Notice warns of: a closed set.
type NoticeKind string

// The kinds of notices.
const (
	// Reclaimed: the provider takes the instance back, as it may with spot.
	Reclaimed NoticeKind = "reclaimed"
	// Maintenance: the provider will stop, restart or retire the machine.
	Maintenance NoticeKind = "maintenance"
	// Impaired: the provider's own checks of the machine fail.
	Impaired NoticeKind = "impaired"
)

// InstanceState is the provider's view of an instance's life.
type InstanceState string

// The states of an instance. A provider maps its vendor's onto these.
const (
	// Pending: it exists and does not run yet.
	Pending InstanceState = "pending"
	// Running: it runs; whether its node works is another matter.
	Running InstanceState = "running"
	// Stopping: on its way to stopped.
	Stopping InstanceState = "stopping"
	// Stopped: it exists and does not run: stopped on demand, or by itself.
	Stopped InstanceState = "stopped"
	// Terminating: its end was triggered. List may leave it out.
	Terminating InstanceState = "terminating"
)

// Result is what became of one id.
type Result struct {
	ID  string
	Err error
}

// FieldError is one fault of a template's spec.
type FieldError struct {
	// Field is the JSON path: "node.send_cap_mbps".
	Field string `json:"field"`
	// Problem says what is wrong and what would be right.
	Problem string `json:"problem"`
}
