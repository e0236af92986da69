package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// play is the story, act by act.
func (d *show) play(ctx context.Context) error {
	for _, act := range []func(context.Context) error{
		d.actSetUp, d.actFirstFiles, d.actLoad, d.actNodeDies, d.actManagerDies, d.actLoadEnds,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// actSetUp brings up the manager and a cluster, as a new user would.
func (d *show) actSetUp(ctx context.Context) error {
	d.say("Starting a manager with a private Postgres under %s", d.Path("data"))
	if err := d.Start(ctx); err != nil {
		return err
	}
	if err := d.FirstRun(ctx); err != nil {
		return err
	}
	d.say("Console: %s", d.API.URL)
	d.tell("sign in as  admin  with password  %s", d.Password)
	d.narrator = narrate(ctx, d)

	d.say("Creating cluster \"demo\": nodes of %d Mbit/s each, at least %d available, at most %d", nodeCapMbps, minAvailable, maxNodes)
	if err := d.CreateCluster(ctx, "demo", nodeSpec(), policy()); err != nil {
		return err
	}
	if err := d.CreateTenant(ctx, "demo-tenant", d.Path("storage")); err != nil {
		return err
	}
	return stage.WaitFor(ctx, time.Minute, "the first nodes to run", func(ctx context.Context) (bool, error) {
		n, err := d.API.Running(ctx)
		return n >= minAvailable, err
	})
}

// actFirstFiles makes the data and pushes a tree of many small files.
func (d *show) actFirstFiles(ctx context.Context) error {
	d.say("Making files: Go's own source tree and %d random files of %d MiB", bigFiles, bigSize>>20)
	if err := d.makeSources(ctx); err != nil {
		return err
	}
	d.say("One client pushes the source tree (many small files)")
	tree, err := d.StartCopy(ctx, "push-tree", d.Path("source", "go")+"/", "demo:/tree/")
	if err != nil {
		return err
	}
	if err := tree.Wait(ctx, 2*time.Minute); err != nil {
		return err
	}
	d.tell("%s", tree.Summary())
	return nil
}

// actLoad starts more copies than the nodes are promised to carry.
func (d *show) actLoad(ctx context.Context) error {
	before, err := d.API.Running(ctx)
	if err != nil {
		return err
	}
	d.say("Load: %d clients push and pull at once, each promised %d Mbit/s", loadPushes+loadPulls, sessionRateMbps)
	for i := range loadPushes {
		if _, err := d.StartCopy(ctx, fmt.Sprintf("push-%d", i), d.bigFile(i%bigFiles), fmt.Sprintf("demo:/inbox/%d/", i)); err != nil {
			return err
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	for i := range loadPulls {
		if _, err := d.StartCopy(ctx, fmt.Sprintf("pull-%d", i), "demo:/tree/", d.Path("pulled", fmt.Sprint(i))+"/"); err != nil {
			return err
		}
	}
	if err := stage.WaitFor(ctx, 90*time.Second, "new nodes to come", func(ctx context.Context) (bool, error) {
		nodes, err := d.API.Nodes(ctx)
		running, open := 0, false
		for _, n := range nodes {
			if n.State == "running" {
				running++
				open = open || n.Pool == "idle" || n.Pool == "low"
			}
		}
		return running > before && open, err
	}); err != nil {
		return err
	}
	d.say("New nodes run. Clients that come now land on them")
	// Managers place by what they saw within the last second.
	if err := pause(ctx, 1500*time.Millisecond); err != nil {
		return err
	}
	for i := range lateClients {
		if _, err := d.StartCopy(ctx, fmt.Sprintf("late-%d", i), d.bigFile(i%bigFiles), fmt.Sprintf("demo:/late/%d/", i)); err != nil {
			return err
		}
	}
	if err := stage.WaitFor(ctx, 60*time.Second, "new nodes to serve", func(ctx context.Context) (bool, error) {
		nodes, err := d.API.Nodes(ctx)
		serving := 0
		for _, n := range nodes {
			if n.State == "running" && n.Sessions > 0 {
				serving++
			}
		}
		return serving > before, err
	}); err != nil {
		return err
	}
	return pause(ctx, 3*time.Second)
}

// actNodeDies kills the busiest node without warning.
func (d *show) actNodeDies(ctx context.Context) error {
	nodes, err := d.API.Nodes(ctx)
	if err != nil {
		return err
	}
	var victim stage.Node
	for _, n := range nodes {
		if n.State == "running" && n.Sessions >= victim.Sessions {
			victim = n
		}
	}
	if victim.Sessions == 0 {
		return fmt.Errorf("no node serves a session: the load ended before its time")
	}
	d.say("kill -9 node %s in the middle of %d transfers", victim.Name, victim.Sessions)
	if err := stage.KillInstance(victim.InstanceID); err != nil {
		return err
	}
	if err := stage.WaitFor(ctx, time.Minute, "the dead node to be noticed", func(ctx context.Context) (bool, error) {
		n, err := d.API.Node(ctx, victim.ID)
		return n.State != "running", err
	}); err != nil {
		return err
	}
	d.say("The manager noticed; the transfers of %s go on elsewhere", victim.Name)
	return nil
}

// actManagerDies kills the manager and starts it again.
func (d *show) actManagerDies(ctx context.Context) error {
	before, err := d.API.Nodes(ctx)
	if err != nil {
		return err
	}
	d.say("kill -9 the manager itself; the nodes and the transfers go on without it")
	died := time.Now()
	if err := d.Manager.Kill(); err != nil {
		return err
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return err
	}
	d.restarts++
	if err := stage.WaitFor(ctx, time.Minute, "the nodes to be adopted again", func(ctx context.Context) (bool, error) {
		now, err := d.API.Nodes(ctx)
		if err != nil {
			return false, err
		}
		serving := 0
		for _, n := range now {
			if n.State == "lost" || n.State == "failed" {
				return false, fmt.Errorf("node %s is %s", n.Name, n.State)
			}
			if n.ReportedAt.After(died) && slices.ContainsFunc(before, func(b stage.Node) bool { return b.ID == n.ID }) {
				serving++
			}
		}
		return serving >= minAvailable, nil
	}); err != nil {
		return err
	}
	d.say("The manager is back: the nodes it had are adopted and report again")
	return nil
}

// actLoadEnds waits for the copies, then for the nodes to drain and go.
func (d *show) actLoadEnds(ctx context.Context) error {
	for _, c := range d.Copies {
		if err := c.Wait(ctx, 3*time.Minute); err != nil {
			return err
		}
	}
	files, bytes, moved := int64(0), int64(0), 0
	for _, c := range d.Copies {
		files, bytes = files+c.Result.Files, bytes+c.Result.Bytes
		if c.Result.Moved > 0 {
			moved++
		}
	}
	d.say("All %d transfers are done: %d files, %.1f GiB; %d went on on another node", len(d.Copies), files, float64(bytes)/(1<<30), moved)
	d.say("The load is over: nodes drain and go, down to %d", minAvailable)
	return stage.WaitFor(ctx, 2*time.Minute, "the cluster to come back to its minimum", func(ctx context.Context) (bool, error) {
		nodes, err := d.API.Nodes(ctx)
		if err != nil {
			return false, err
		}
		for _, n := range nodes {
			if n.State != "running" {
				return false, nil
			}
		}
		return len(nodes) == minAvailable, nil
	})
}

func pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t):
		return nil
	}
}
