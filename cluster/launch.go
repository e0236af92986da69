package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mixed"
	"github.com/godwit/godwit/statestore"
)

// driveLaunch launches what is requested, and goes on with a launch whose
// outcome nobody recorded.
func (r *Reconciler) driveLaunch(ctx context.Context, b *round, n *statestore.Node) {
	if n.State == statestore.NodeRequested {
		if b.cluster.Paused {
			return
		}
		if block := b.memory.look().blocked(b.now, b.template); block != nil {
			r.giveUp(ctx, b, n, block)
			return
		}
	}
	if r.abandon(ctx, b, n) {
		return
	}
	l := launching{
		node: *n, template: b.template, clusterName: b.cluster.Name, memory: b.memory, term: b.term,
		ttl: time.Duration(b.policy.LaunchTimeoutS) * time.Second, generation: b.generation(),
	}
	// Each offering may take the time of a call.
	limit := r.config.EffectTimeout * time.Duration(len(menu(b.template).Offerings))
	r.effectWithin(ctx, limit, launchKey(n.ID), "launch a node", func(ctx context.Context) error { return r.launch(ctx, l) })
}

func launchKey(nodeID string) string { return "launch " + nodeID }

// giveUp ends a row for which the provider was never asked, since the answer to
// its sibling holds for it too. When the block is over policy decides anew.
func (r *Reconciler) giveUp(ctx context.Context, b *round, n *statestore.Node, block *block) {
	why := "not launched: " + block.Text
	_, err := r.move(ctx, b, n, statestore.NodeTerminated, why, func(row *statestore.Node) {
		row.FailureReason, row.Generation = why, 0 // its sibling's failure is told, and counts
	})
	if err != nil {
		r.log.Warn("give up a requested node", "node", n.Name, "err", err)
	}
}

// launching is all that one launch needs; the step's round is not for effects.
type launching struct {
	node        statestore.Node
	template    statestore.Template
	clusterName string
	memory      *memory
	term        statestore.Term
	// ttl of the join token: the launch timeout.
	ttl time.Duration
	// askedAt is when the provider was asked for what it gave.
	askedAt    time.Time
	generation int64 // of the rollout under way
	// blamed: a refusal says that what was asked for is wrong, not that there is
	// none of it.
	blamed bool
}

// several says that the node may be, or is being, launched at one of several
// offerings.
func (l launching) several() bool { return l.template.Provider == mixed.Name || l.node.Offering != "" }

// launch asks for an instance: first of what the row says, whose answer may have
// been lost, else of the offering that is next. What that provider has none of
// the next is asked for, in the same call, until one has it.
func (r *Reconciler) launch(ctx context.Context, l launching) error {
	again := l.node.State == statestore.NodeLaunching
	if l.several() {
		// Read again: what an earlier effect has done since the step read the row is
		// not to be gone behind. From here on nobody else launches it.
		row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{l.node.State}, l.node.State, "", nil)
		if err != nil {
			return err
		}
		l.node = row
	}
	tried := r.withheld(l)
	var refused, resting []string
	for {
		next, ok := mixed.Offering{Name: l.node.Offering, Provider: l.node.Provider}, true
		if l.node.LaunchRequest == nil || tried[l.node.Offering] {
			next, resting, ok = l.memory.claim(r.now(), l.node.ID, l.template, tried)
		}
		passed := slices.Concat(refused, resting)
		if !ok {
			return r.nowhere(ctx, l, passed)
		}
		asked, token, err := r.intendLaunch(ctx, &l, next)
		if err != nil {
			return err
		}
		if instance, ok := r.inventory.get(l.node.Provider).ofNode(l.node.ID); ok && again && !instance.Unfinished {
			l.askedAt = instance.LaunchedAt
			return r.launched(ctx, l, instance, passed)
		}
		var before time.Time
		if asked {
			before = r.lastAsked(l.node)
		}
		again, l.askedAt = false, r.now()
		instance, err := r.ask(ctx, l, token, before)
		if err == nil {
			return r.launched(ctx, l, instance, passed)
		}
		if !r.settles(err, l.node, asked) {
			return err
		}
		class := provisioner.ClassOf(err)
		l.blamed = l.blamed || class != provisioner.Capacity && class != provisioner.Quota
		l.memory.refused(r.now(), err, &l.node)
		r.log.Warn("launch refused", "node", l.node.Name, "provider", l.node.Provider, "offering", l.node.Offering, "err", err)
		if l.node.Offering == "" {
			return r.launchFailed(ctx, l, err)
		}
		refused = append(refused, refusalsOf(l.node.Offering, err)...)
		tried[l.node.Offering] = true
	}
}

// intendLaunch writes down where the provider is asked, and with what, before it
// is. asked says that somebody did so before: then it is the row that counts.
func (r *Reconciler) intendLaunch(ctx context.Context, l *launching, o mixed.Offering) (asked bool, joinToken string, err error) {
	was := l.node.Offering
	intent := l.node
	intent.Provider, intent.Offering = o.Provider, o.Name
	bootstrap, err := r.config.Enrolment.Bootstrap(ctx, l.term, intent, l.clusterName, l.ttl)
	if err != nil {
		return false, "", fmt.Errorf("bootstrap: %w", err)
	}
	first, err := l.request(o.Spec, bootstrap, intent.OnDemand && !r.stopsSpot(o.Provider))
	if err != nil {
		return false, "", err
	}
	// Also when it is launching already: the step that started this may have
	// read the row before an earlier effect was through with it.
	row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID,
		[]statestore.NodeState{statestore.NodeRequested, statestore.NodeLaunching},
		statestore.NodeLaunching, "the provider is asked for an instance", func(row *statestore.Node) {
			if asked = row.LaunchRequest != nil && (row.Offering != was || o.Name == was); asked {
				return
			}
			row.LaunchRequest, row.Provider, row.Offering = first, o.Provider, o.Name
			row.TemplateID, row.TemplateVersion, row.Generation = l.template.ID, l.template.Version, l.generation
		})
	if err != nil {
		return false, "", err
	}
	if row.Offering != o.Name {
		return false, "", fmt.Errorf("node %s is launched at %s meanwhile: %w", row.Name, row.Offering, statestore.ErrState)
	}
	l.node = row
	return asked, bootstrap.JoinToken, nil
}

// settles says that after this failure of a launch there is no instance of it
// where it was asked for, so that another offering may be. What may work when
// repeated is repeated, with the same token, until policy's launch timeout. Of a
// provider that lets us see nothing we don't know what it made before.
func (r *Reconciler) settles(err error, n statestore.Node, asked bool) bool {
	if errors.Is(err, statestore.ErrFenced) || provisioner.Interrupted(err) {
		return false
	}
	blind := asked && n.Offering != "" && (r.config.Providers[n.Provider] == nil || provisioner.ClassOf(err) == provisioner.Unauthorized)
	if blind {
		return false
	}
	switch provisioner.ClassOf(err) {
	case provisioner.Transient, provisioner.Throttled:
		return false
	case provisioner.Capacity, provisioner.Quota, provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound, provisioner.Unsupported:
	}
	return true
}

// abandonAfter is how long a provider may fail to answer while another offering
// waits: longer than a hiccup, and than a launch that is slow to settle.
const abandonAfter = 90 * time.Second

// abandon ends a row whose provider does not say what became of its launch, where
// another offering may be launched: by another row, for this one's may come yet.
func (r *Reconciler) abandon(ctx context.Context, b *round, n *statestore.Node) bool {
	if n.State != statestore.NodeLaunching || n.Offering == "" || b.cluster.Paused || b.now.Sub(n.StateSince) < abandonAfter ||
		r.effects.busy(launchKey(n.ID)) || r.effects.failed(launchKey(n.ID)).IsZero() || !b.memory.other(b.now, b.template, n.Offering) {
		return false
	}
	why := fmt.Sprintf("%s has not said in %s whether it launches: another offering is asked", n.Offering, abandonAfter)
	b.memory.failed(b.now, n, why)
	if _, err := r.move(ctx, b, n, statestore.NodeTerminating, why, func(row *statestore.Node) {
		row.FailureReason, row.Generation = why, 0 // no fault of the version that a rollout brings
	}); err != nil {
		r.log.Warn("abandon a launch", "node", n.Name, "err", err)
	}
	return true
}

// wanted is what a provider is asked with, as the row keeps it: a cloud that
// knows the token answers only to the same request, and by the time of a second
// try the template may be another, the cluster renamed, the manager elsewhere.
// The join token is not in it: it is derived from the node.
type wanted struct {
	Spec      json.RawMessage       `json:"spec"`
	Tags      map[string]string     `json:"tags"`
	Bootstrap provisioner.Bootstrap `json:"bootstrap"`
	OnDemand  bool                  `json:"on_demand,omitempty"`
}

func (l launching) request(spec json.RawMessage, bootstrap provisioner.Bootstrap, onDemand bool) (json.RawMessage, error) {
	bootstrap.JoinToken = ""
	raw, err := json.Marshal(wanted{
		Spec: spec, Bootstrap: bootstrap, OnDemand: onDemand,
		Tags: map[string]string{"cluster": l.clusterName, "node": l.node.Name},
	})
	if err != nil {
		return nil, fmt.Errorf("launch request: %w", err)
	}
	return raw, nil
}

// ask launches with what the row keeps. before is when somebody may last have
// asked for the same; zero: nobody has.
func (r *Reconciler) ask(ctx context.Context, l launching, joinToken string, before time.Time) (provisioner.Instance, error) {
	provider := r.config.Providers[l.node.Provider]
	if provider == nil {
		return provisioner.Instance{}, unknownProvider(l.node.Provider)
	}
	var w wanted
	if err := json.Unmarshal(l.node.LaunchRequest, &w); err != nil {
		return provisioner.Instance{}, fmt.Errorf("launch request: %w", err)
	}
	w.Bootstrap.JoinToken = joinToken
	ctx, cancel := context.WithTimeout(ctx, r.config.EffectTimeout)
	defer cancel()
	return provider.Launch(ctx, provisioner.LaunchRequest{
		ClientToken: l.node.LaunchToken, NodeID: l.node.ID, NodeName: l.node.Name,
		Owner: provisioner.Owner{Installation: r.config.Installation, Cluster: l.node.ClusterID},
		Spec:  w.Spec, Bootstrap: w.Bootstrap, Tags: w.Tags, OnDemand: w.OnDemand, AskedBefore: before,
	})
}

func unknownProvider(name string) error {
	return &provisioner.Error{
		Class: provisioner.InvalidTemplate, Op: "launch", Field: "provider",
		Err: fmt.Errorf("this manager has no provider %q", name),
	}
}

// launched records the instance. If the row went elsewhere meanwhile, its id is
// left with the row that is being ended. Nothing is ended here: this answer may
// be an echo of a launch that another effect has recorded already. What really
// has no row is collected.
func (r *Reconciler) launched(ctx context.Context, l launching, instance provisioner.Instance, passed []string) error {
	passed = append(passed, refusals(l.node.Offering, instance.PassedOver)...)
	at := place{Provider: l.node.Provider, Type: instance.Type, Zone: instance.Zone, Spot: instance.Spot}
	why := "instance " + instance.ID + " exists"
	if len(passed) > 0 {
		why += ": " + few(passed) + "; launched at " + at.String()
	}
	row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{statestore.NodeLaunching},
		statestore.NodeBooting, why, func(row *statestore.Node) { recordInstance(row, instance) })
	if err == nil {
		l.memory.launched(l.node.Offering, l.askedAt)
		r.log.Info("node booting", "node", row.Name, "instance", instance.ID, "passed_over", len(passed))
		r.config.Changed(row.ClusterID, "nodes")
		if len(passed) > 0 {
			r.tellOutcome(ctx, l, result{Node: row.ID, At: &at, PassedOver: passed})
		}
		return nil
	}
	if !errors.Is(err, statestore.ErrState) {
		return err
	}
	_, err = r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{statestore.NodeTerminating},
		statestore.NodeTerminating, "", func(row *statestore.Node) { recordInstance(row, instance) })
	return err
}

func recordInstance(row *statestore.Node, instance provisioner.Instance) {
	row.InstanceID, row.InstanceType, row.Zone, row.Spot = instance.ID, instance.Type, instance.Zone, instance.Spot
	if row.PublicAddress == "" && len(instance.PublicAddresses) > 0 {
		row.PublicAddress = instance.PublicAddresses[0]
	}
	if row.PrivateAddress == "" && len(instance.PrivateAddresses) > 0 {
		row.PrivateAddress = instance.PrivateAddresses[0]
	}
}

// launchFailed closes the row of a node that no offering can be had for, and of
// which nothing was made. Further launches wait.
func (r *Reconciler) launchFailed(ctx context.Context, l launching, cause error) error {
	return r.close(ctx, l, cause.Error(), refusals("", provisioner.Refused(cause)))
}

// nowhere is the same where several offerings were refused, or rest.
func (r *Reconciler) nowhere(ctx context.Context, l launching, passed []string) error {
	return r.close(ctx, l, "not launched: "+few(passed), passed)
}

func (r *Reconciler) close(ctx context.Context, l launching, why string, passed []string) error {
	row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{statestore.NodeRequested, statestore.NodeLaunching},
		statestore.NodeTerminated, why, func(row *statestore.Node) {
			if row.FailureReason = why; !l.blamed {
				row.Generation = 0 // no fault of the version that a rollout brings
			}
		})
	if err == nil {
		r.tellOutcome(ctx, l, result{Node: row.ID, PassedOver: passed, Error: why})
	}
	return err
}
