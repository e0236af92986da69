package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// mostAsked bounds the offerings that one call asks for: at two calls a second
// EC2's bucket is empty by then, and others launch too. What was refused is
// remembered, so that the next call goes on behind it.
const mostAsked = 20

// Launch implements provisioner.Provider; the package comment says how it
// happens once.
func (p *Provider) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	if request.ClientToken == "" || request.NodeID == "" || request.Owner.Installation == "" {
		return none, provisioner.Refuse(provisioner.InvalidTemplate, "launch", request.NodeID, "client token, node and owner must be given")
	}
	spec, found := template.Parse(request.Spec, p.order)
	if len(found) > 0 {
		return none, &provisioner.Error{
			Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: found[0].Field, Err: errors.New(found[0].Problem),
		}
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	data, err := userData(request, spec)
	if err != nil {
		return none, err
	}
	l, err := p.launches.enter(ctx, p.now(), request)
	if err != nil {
		return none, err
	}
	defer l.leave()
	a := &asking{p: p, r: p.regions[spec.Region], request: request, spec: spec, data: data, launch: l}
	return a.ask(ctx)
}

// asking is one call of Launch.
type asking struct {
	p       *Provider
	r       *region
	request provisioner.LaunchRequest
	spec    template.Spec
	data    []byte
	image   types.Image
	launch  *launch
}

func (a *asking) ask(ctx context.Context) (provisioner.Instance, error) {
	if a.launch.made != "" {
		return a.p.Get(ctx, a.launch.made)
	}
	if a.launch.open == nil && !a.request.AskedBefore.IsZero() {
		until := a.request.AskedBefore.Add(a.p.lag)
		if a.launch.ours {
			until = a.p.now()
		}
		instance, ok, err := a.look(ctx, until)
		if err != nil || ok {
			return instance, err
		}
	}
	var err error
	if a.image, err = a.r.image(ctx, a.p.now(), a.spec); err != nil {
		return provisioner.Instance{}, cloud.Failure("launch", a.request.NodeID, err)
	}
	cluster := a.request.Owner.Cluster
	list := offerings(a.spec, a.request, a.p.spread.of(cluster))
	if open := a.launch.open; open != nil {
		// Whether EC2 made it is not known: it is asked for first, remembered
		// refusals or not.
		list = slices.Insert(slices.DeleteFunc(list, func(o offering) bool { return o == *open }), 0, *open)
	}
	return a.first(ctx, list)
}

// first walks the offerings until EC2 has one.
func (a *asking) first(ctx context.Context, list []offering) (provisioner.Instance, error) {
	none, now := provisioner.Instance{}, a.p.now()
	var refused []refusal
	asked := 0
	for _, o := range list {
		unsettled := a.launch.open != nil && *a.launch.open == o
		if what, lately := a.p.refusals.of(now, a.r.name, o); lately && !unsettled {
			refused = append(refused, what)
			continue
		}
		if asked == mostAsked {
			break
		}
		asked++
		a.p.spread.add(a.request.Owner.Cluster, o.subnet, 1)
		instance, err := a.run(ctx, o)
		if err == nil {
			a.launch.made, a.launch.open = instance.ID, nil
			instance.Detail = because(o, refused)
			a.p.recent.made(now, instance)
			return instance, nil
		}
		a.p.spread.add(a.request.Owner.Cluster, o.subnet, -1)
		switch cloud.Class(err) {
		case provisioner.Capacity, provisioner.Quota:
			a.launch.open = nil
			what := a.p.refusals.note(now, a.r.name, o, err)
			a.p.log.Info("an offering is refused", "node", a.request.NodeName, "offering", o.String(), "err", what.text)
			what.text = o.String() + ": " + what.text
			refused = append(refused, what)
			continue
		case provisioner.Transient, provisioner.Throttled:
			// A throttled attempt made nothing, but one before it may have.
			kept := o
			a.launch.open = &kept
		case provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound, provisioner.Unsupported:
			a.launch.open = nil
		}
		if codeOf(err) == codeMismatch {
			return a.mismatched(ctx, err)
		}
		return none, cloud.Failure("launch", o.String(), err)
	}
	return none, exhausted(a.request.NodeID, now, refused)
}

// run asks for one offering.
func (a *asking) run(ctx context.Context, o offering) (provisioner.Instance, error) {
	out, err := a.r.ec2.RunInstances(ctx, a.input(o))
	if err != nil {
		return provisioner.Instance{}, err
	}
	if len(out.Instances) != 1 {
		return provisioner.Instance{}, fmt.Errorf("asked for one instance, told of %d", len(out.Instances))
	}
	made := out.Instances[0]
	if made.State != nil && ended(made.State.Name) {
		// EC2 repeats its answer also for what has ended since.
		return provisioner.Instance{}, provisioner.Refuse(provisioner.NotFound, "launch", a.r.id(awssdk.ToString(made.InstanceId)), "the launch's instance has ended: its token is spent")
	}
	return a.r.instance(made), nil
}

// mismatched: EC2 knows the token by another request. So an instance was made
// of it; its tags tell which.
func (a *asking) mismatched(ctx context.Context, cause error) (provisioner.Instance, error) {
	instance, ok, err := a.look(ctx, a.p.now())
	if err != nil || ok {
		return instance, err
	}
	return instance, cloud.Failure("launch", a.request.NodeID, cause)
}

// lookEvery is how often what may exist is looked for.
const lookEvery = time.Second

// look searches for the instance that carries the token, again and again until
// what was made by then must be listed.
func (a *asking) look(ctx context.Context, until time.Time) (provisioner.Instance, bool, error) {
	for {
		seen, spent, err := a.r.byToken(ctx, a.request)
		switch {
		case err != nil:
			return seen, false, cloud.Failure("launch", a.request.NodeID, err)
		case seen.ID != "":
			a.launch.made = seen.ID
			return seen, true, nil
		case spent:
			return seen, false, provisioner.Refuse(provisioner.NotFound, "launch", a.request.NodeID, "the launch's instance has ended: its token is spent")
		case !a.p.now().Before(until):
			return seen, false, nil
		}
		select {
		case <-ctx.Done():
			return seen, false, ctx.Err()
		case <-time.After(min(lookEvery, a.p.lag/4)):
		}
	}
}

// byToken finds the living instance of a launch; spent says that there was one.
func (r *region) byToken(ctx context.Context, request provisioner.LaunchRequest) (instance provisioner.Instance, spent bool, err error) {
	out, err := r.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{
		filter("tag:"+tagToken, request.ClientToken),
		filter("tag:"+tagInstallation, request.Owner.Installation),
	}})
	if err != nil {
		return instance, false, err
	}
	for _, reservation := range out.Reservations {
		for _, seen := range reservation.Instances {
			if seen.State != nil && ended(seen.State.Name) {
				spent = true
				continue
			}
			return r.instance(seen), false, nil
		}
	}
	return instance, spent, nil
}

// because says why it is not the offering that was wanted most.
func because(o offering, refused []refusal) string {
	if len(refused) == 0 {
		return o.String()
	}
	return fmt.Sprintf("%s, after %d offerings that EC2 refuses: %s", o, len(refused), refused[len(refused)-1].text)
}

// exhausted says that EC2 refused all that the template offers.
func exhausted(node string, now time.Time, refused []refusal) error {
	class, next := provisioner.Quota, time.Time{}
	var texts []string
	for _, what := range refused {
		if what.class == provisioner.Capacity {
			class = provisioner.Capacity
		}
		if next.IsZero() || what.until.Before(next) {
			next = what.until
		}
		if !slices.Contains(texts, what.text) && len(texts) < 4 {
			texts = append(texts, what.text)
		}
	}
	return &provisioner.Error{
		Class: class, Op: "launch", Subject: node, RetryAfter: max(0, next.Sub(now)),
		Err: fmt.Errorf("%d offerings of the template are refused: %s", len(refused), strings.Join(texts, "; ")),
	}
}
