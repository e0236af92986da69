package attached

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/provisioner"
)

// bootstrap is the document that the machine keeps for its agent; where the
// node keeps its data and listens is for the machine to say.
type bootstrap struct {
	provisioner.Bootstrap
	InstanceID      string  `json:"instance_id"`
	SendCapMbps     float64 `json:"send_cap_mbps"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	MaxSessions     int     `json:"max_sessions"`
	ReportIntervalS int     `json:"report_interval_s"`
}

// Launch implements provisioner.Provider. The order is: assignment, then
// bootstrap; the package comment says what a crash after either leaves.
func (p *Provider) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	if err := request.Check(); err != nil {
		return none, err
	}
	spec, faults := parse(request.Spec)
	if err := request.Blame(faults); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	unlock, err := p.lock(ctx, "launch", request.NodeID)
	if err != nil {
		return none, err
	}
	defer unlock()
	views, err := p.all("launch")
	if err != nil {
		return none, err
	}
	v, known := byToken(views, request)
	if !known {
		if v, err = choose(views, spec); err != nil {
			return none, failure(provisioner.Capacity, "launch", request.NodeID, err)
		}
		a := assignment(v.Name, request, spec)
		if err := p.slots.Assign(v.Name, a); err != nil {
			return none, failure(provisioner.Transient, "launch", request.NodeID, err)
		}
		v.Assigned = &a
	}
	if !v.Takes(v.Assigned.Instance) {
		if err := p.slots.Deliver(v.Name, document(v.Assigned.Instance, request, spec)); err != nil {
			return none, failure(provisioner.Transient, "launch", request.NodeID, err)
		}
	}
	return describe(v), nil
}

// byToken finds the slot that an earlier call with this token took.
func byToken(views []slot.View, request provisioner.LaunchRequest) (slot.View, bool) {
	i := slices.IndexFunc(views, func(v slot.View) bool {
		return v.Assigned != nil && v.Assigned.ClientToken == request.ClientToken && ownerOf(*v.Assigned) == request.Owner
	})
	if i < 0 {
		return slot.View{}, false
	}
	return views[i], true
}

// choose picks the free slot that has waited longest, so that a machine on
// which nodes fail does not get every next one too. The error says what keeps
// each slot.
func choose(views []slot.View, spec Spec) (slot.View, error) {
	var free []slot.View
	var taken []string
	for _, v := range views {
		if len(spec.Slots) > 0 && !slices.Contains(spec.Slots, v.Name) {
			continue
		}
		if v.Free() {
			free = append(free, v)
			continue
		}
		taken = append(taken, v.Name+" "+occupied(v))
	}
	for _, name := range spec.Slots {
		if !slices.ContainsFunc(views, func(v slot.View) bool { return v.Name == name }) {
			taken = append(taken, name+" has never had a machine")
		}
	}
	if len(free) == 0 {
		if len(taken) == 0 {
			return slot.View{}, errors.New("no machine waits in any slot: start godwit-node attach on one")
		}
		return slot.View{}, fmt.Errorf("no slot is free: %s", strings.Join(taken, "; "))
	}
	return slices.MinFunc(free, func(a, b slot.View) int {
		if c := a.Status.Since.Compare(b.Status.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	}), nil
}

func occupied(v slot.View) string {
	switch {
	case v.Assigned != nil:
		return "runs node " + v.Assigned.NodeID
	case !v.Present:
		return "has no machine waiting"
	case v.Status.State == slot.Serving || v.Status.State == slot.Stopped:
		return "is still ending the node before"
	case v.Status.Detail != "":
		return "cannot be used: " + v.Status.Detail
	}
	return "is not ready yet"
}

func assignment(name string, request provisioner.LaunchRequest, spec Spec) slot.Assignment {
	tags := map[string]string{}
	maps.Copy(tags, spec.Tags)
	maps.Copy(tags, request.Tags)
	return slot.Assignment{
		Instance: slot.Join(name, strings.ToLower(rand.Text())), ClientToken: request.ClientToken, NodeID: request.NodeID,
		Installation: request.Owner.Installation, Cluster: request.Owner.Cluster,
		LaunchedAt: time.Now().UTC(), Tags: tags,
	}
}

func document(instance string, request provisioner.LaunchRequest, spec Spec) bootstrap {
	return bootstrap{
		Bootstrap: request.Bootstrap, InstanceID: instance,
		SendCapMbps: spec.Node.SendCapMbps, ReceiveCapMbps: spec.Node.ReceiveCapMbps,
		SessionRateMbps: spec.Node.SessionRateMbps, MaxSessions: spec.Node.MaxSessions,
		ReportIntervalS: spec.ReportIntervalS,
	}
}

func ownerOf(a slot.Assignment) provisioner.Owner {
	return provisioner.Owner{Installation: a.Installation, Cluster: a.Cluster}
}

func record(a slot.Assignment, v slot.View) provisioner.Instance {
	return provisioner.Instance{
		ID: a.Instance, ClientToken: a.ClientToken, NodeID: a.NodeID, Owner: ownerOf(a),
		Type: "slot " + v.Name, LaunchedAt: a.LaunchedAt, Tags: a.Tags,
	}
}

// describe turns an assigned slot into the contract's view of it.
func describe(v slot.View) provisioner.Instance {
	instance := record(*v.Assigned, v)
	taken := v.Takes(instance.ID)
	switch {
	case !v.Present && taken:
		instance.State, instance.Detail = provisioner.Stopped, "the machine in slot "+v.Name+" is gone"
	case !v.Present:
		instance.State, instance.Detail = provisioner.Stopped, "the machine in slot "+v.Name+" left before it took the node"
	case !taken:
		instance.State, instance.Detail = provisioner.Pending, "the machine in slot "+v.Name+" has not taken it yet"
	case v.Status.State == slot.Stopped:
		instance.State, instance.Detail = provisioner.Stopped, v.Status.Detail
	default:
		instance.State, instance.Detail = provisioner.Running, "on "+v.Status.Machine
		if v.Status.Restart > 0 {
			instance.Detail = fmt.Sprintf("%s, node restarted %d times", instance.Detail, v.Status.Restart)
		}
	}
	return instance
}
