package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/provisioner"
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
	node, template, clusterName, memory, term := *n, b.template, b.cluster.Name, b.memory, b.term
	ttl := time.Duration(b.policy.LaunchTimeoutS) * time.Second
	r.effect(ctx, launchKey(n.ID), "launch a node", func(ctx context.Context) error {
		return r.launch(ctx, launching{node, template, clusterName, memory, term, ttl})
	})
}

func launchKey(nodeID string) string { return "launch " + nodeID }

// giveUp ends a row for which the provider was never asked, since the answer to
// its sibling holds for it too. When the block is over policy decides anew.
func (r *Reconciler) giveUp(ctx context.Context, b *round, n *statestore.Node, block *block) {
	why := "not launched: " + block.Text
	_, err := r.move(ctx, b, n, statestore.NodeTerminated, why, func(row *statestore.Node) { row.FailureReason = why })
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
}

func (r *Reconciler) launch(ctx context.Context, l launching) error {
	bootstrap, err := r.config.Enrolment.Bootstrap(ctx, l.term, l.node, l.clusterName, l.ttl)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	first, err := l.request(bootstrap)
	if err != nil {
		return err
	}
	// Also when it is launching already: the step that started this may have
	// read the row before an earlier effect was through with it.
	asked := false
	row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID,
		[]statestore.NodeState{statestore.NodeRequested, statestore.NodeLaunching},
		statestore.NodeLaunching, "the provider is asked for an instance", func(row *statestore.Node) {
			if asked = row.LaunchRequest != nil; !asked {
				row.LaunchRequest, row.Provider = first, l.template.Provider
				row.TemplateID, row.TemplateVersion = l.template.ID, l.template.Version
			}
		})
	if err != nil {
		return err
	}
	again := l.node.State == statestore.NodeLaunching
	l.node = row
	if instance, ok := r.inventory.get(row.Provider).ofNode(row.ID); ok && again {
		return r.launched(ctx, l, instance)
	}
	var before time.Time
	if asked {
		before = r.lastAsked(row)
	}
	instance, err := r.ask(ctx, l, bootstrap.JoinToken, before)
	if err != nil {
		return r.launchFailed(ctx, l, err)
	}
	return r.launched(ctx, l, instance)
}

// wanted is what a provider is asked with, as the row keeps it: a cloud that
// knows the token answers only to the same request, and by the time of a second
// try the template may be another, the cluster renamed, the manager elsewhere.
// The join token is not in it: it is derived from the node.
type wanted struct {
	Spec      json.RawMessage       `json:"spec"`
	Tags      map[string]string     `json:"tags"`
	Bootstrap provisioner.Bootstrap `json:"bootstrap"`
}

func (l launching) request(bootstrap provisioner.Bootstrap) (json.RawMessage, error) {
	bootstrap.JoinToken = ""
	raw, err := json.Marshal(wanted{
		Spec: l.template.Spec, Bootstrap: bootstrap,
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
	return provider.Launch(ctx, provisioner.LaunchRequest{
		ClientToken: l.node.LaunchToken, NodeID: l.node.ID, NodeName: l.node.Name,
		Owner: provisioner.Owner{Installation: r.config.Installation, Cluster: l.node.ClusterID},
		Spec:  w.Spec, Bootstrap: w.Bootstrap, Tags: w.Tags, AskedBefore: before,
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
func (r *Reconciler) launched(ctx context.Context, l launching, instance provisioner.Instance) error {
	row, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{statestore.NodeLaunching},
		statestore.NodeBooting, "instance "+instance.ID+" exists", func(row *statestore.Node) { recordInstance(row, instance) })
	if err == nil {
		l.memory.launched()
		r.log.Info("node booting", "node", row.Name, "instance", instance.ID)
		r.config.Changed(row.ClusterID, "nodes")
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

// launchFailed acts on the class. What may work when repeated is repeated, with
// the same token, until policy's launch timeout. The other classes mean that
// nothing was made: the row is closed, and further launches wait.
func (r *Reconciler) launchFailed(ctx context.Context, l launching, cause error) error {
	if errors.Is(cause, statestore.ErrFenced) || provisioner.Interrupted(cause) {
		return cause
	}
	switch provisioner.ClassOf(cause) {
	case provisioner.Transient, provisioner.Throttled:
		return cause
	case provisioner.Capacity, provisioner.Quota, provisioner.Unauthorized, provisioner.InvalidTemplate,
		provisioner.NotFound, provisioner.Unsupported:
	}
	l.memory.refused(r.now(), cause, l.node.TemplateID, l.node.TemplateVersion)
	r.log.Warn("launch refused", "node", l.node.Name, "err", cause)
	_, err := r.config.Store.MoveNode(ctx, l.term, l.node.ID, []statestore.NodeState{statestore.NodeLaunching},
		statestore.NodeTerminated, cause.Error(), func(row *statestore.Node) { row.FailureReason = cause.Error() })
	return err
}
