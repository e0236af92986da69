package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// errEnding says that a provider has not finished yet; the effect comes again.
var errEnding = errors.New("its instance is still ending")

// driveEnd ends a terminating node, not before a launch of it has come back.
func (r *Reconciler) driveEnd(ctx context.Context, b *round, n *statestore.Node) {
	if r.effects.busy(launchKey(n.ID)) {
		return
	}
	id, term := n.ID, b.term
	r.effect(ctx, "end "+id, "end a node", func(ctx context.Context) error {
		// Read again: a launch that was under way when the step read the row may
		// have recorded its instance since. From here on nobody launches it.
		node, err := r.config.Store.MoveNode(ctx, term, id, []statestore.NodeState{statestore.NodeTerminating},
			statestore.NodeTerminating, "", nil)
		if err != nil {
			return err
		}
		return r.end(ctx, term, node)
	})
}

// end makes the node's credentials worthless, cuts it off, ends its instance
// and closes the row once the provider says that nothing is left.
func (r *Reconciler) end(ctx context.Context, term statestore.Term, n statestore.Node) error {
	if err := r.config.Enrolment.Retire(ctx, n.ID, "its node is terminated"); err != nil {
		return fmt.Errorf("retire credentials: %w", err)
	}
	r.config.Fleet.Forget(n.ID)
	provider := r.config.Providers[n.Provider]
	if provider == nil {
		return unknownProvider(n.Provider)
	}
	ids, looked := r.remains(n)
	for _, outcome := range provider.Terminate(ctx, ids) {
		if outcome.Err != nil && !errors.Is(outcome.Err, provisioner.NotFound) {
			return outcome.Err
		}
	}
	for _, id := range ids {
		switch _, err := provider.Get(ctx, id); {
		case err == nil:
			return errEnding
		case !errors.Is(err, provisioner.NotFound):
			return err
		}
	}
	if n.InstanceID == "" && n.LaunchedAt != nil && looked.Sub(r.lastAsked(n)) < provider.Capabilities().ListLag {
		return errEnding // what a lost answer made may not be listed yet
	}
	_, err := r.config.Store.MoveNode(ctx, term, n.ID, []statestore.NodeState{statestore.NodeTerminating},
		statestore.NodeTerminated, "nothing of it is left", nil)
	if err == nil {
		r.reserved.drop(n.ID)
		r.log.Info("node terminated", "node", n.Name)
		r.config.Changed(n.ClusterID, "nodes")
	}
	return err
}

// lastAsked is the latest that the provider can have been asked to launch a
// launching or terminating node: when its row entered that state, when the last launch of it came
// back here, or when an earlier leader, of whose calls nothing is known, lost
// its place to this one.
func (r *Reconciler) lastAsked(n statestore.Node) time.Time {
	asked := n.StateSince
	for _, at := range []time.Time{r.effects.failed(launchKey(n.ID)), r.begun} {
		if at.After(asked) {
			asked = at
		}
	}
	return asked
}

// remains are the instances to end: the recorded one, or whatever carried the
// node's tag in the last list when a crash or a lost answer kept it from being
// recorded. looked is when that list was asked for.
func (r *Reconciler) remains(n statestore.Node) (ids []string, looked time.Time) {
	if n.InstanceID != "" {
		return []string{n.InstanceID}, r.now()
	}
	if n.LaunchedAt == nil {
		return nil, r.now() // the provider was never asked
	}
	list := r.inventory.get(n.Provider)
	for _, instance := range list.Instances {
		if instance.NodeID == n.ID {
			ids = append(ids, instance.ID)
		}
	}
	return ids, list.AskedAt
}
