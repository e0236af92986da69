package aws

import (
	"context"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/offering"
)

// mostAsked bounds the offerings that one call asks for: at two calls a second
// EC2's bucket is empty by then, and others launch too. What was refused is
// remembered, so that the next call goes on behind it.
const mostAsked = 20

// Launch implements provisioner.Provider; the package comment says how it
// happens once.
func (p *Provider) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	if err := request.Check(); err != nil {
		return none, err
	}
	spec, found := template.Parse(request.Spec, p.order)
	if err := request.Blame(found); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	spec.PublicLater = spec.Pool.Given()
	data, err := cloudinit.UserData(cloudinit.EC2, request, spec.Spec)
	if err != nil {
		return none, err
	}
	l, leave, err := p.launches.Enter(ctx, p.now(), request)
	if err != nil {
		return none, err
	}
	defer leave()
	if !l.asked {
		l.asked, l.ours = true, request.AskedBefore.IsZero()
	}
	a := &asking{p: p, r: p.regions[spec.Region], request: request, spec: spec, data: data, launch: l}
	return a.ask(ctx)
}

// launch is what this process knows of one token.
type launch struct {
	asked bool
	// ours: this process was the first to be asked, so that it knows of all calls.
	ours bool
	// made is the instance's id once it is known.
	made string
	// open is the offering whose answer was lost.
	open *offering.Offering
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
		made, err := a.p.Get(ctx, a.launch.made)
		if err != nil {
			return made, err
		}
		return a.addressed(ctx, made)
	}
	if a.launch.open == nil && !a.request.AskedBefore.IsZero() {
		until := a.request.AskedBefore.Add(a.p.lag)
		if a.launch.ours {
			until = a.p.now()
		}
		instance, ok, err := a.look(ctx, until)
		if err != nil {
			return instance, err
		}
		if ok {
			return a.addressed(ctx, instance)
		}
	}
	if a.launch.open == nil { // else it may have been launched
		if err := a.reserve(ctx); err != nil {
			return provisioner.Instance{}, err
		}
	}
	var err error
	if a.image, err = a.r.image(ctx, a.p.now(), a.spec); err != nil {
		return provisioner.Instance{}, cloud.Failure("launch", a.request.NodeID, err)
	}
	instance, err := a.p.market.First(ctx, offering.Search{
		Request: a.request, Region: a.r.name, Wanted: a.spec.Among(a.spec.Subnets), Most: mostAsked, Open: a.launch.open, Ask: a.settle, Judge: judge, Cloud: cloud, Now: a.p.now, Log: a.p.log,
	})
	if err != nil {
		if a.launch.open == nil {
			a.p.claims.Drop(a.p.now(), a.holder())
		}
		return instance, err
	}
	a.p.recent.made(a.p.now(), instance)
	return a.addressed(ctx, instance)
}

// settle asks for one offering and remembers what is known of it then.
func (a *asking) settle(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
	instance, err := a.run(ctx, o)
	a.launch.open = nil
	if err == nil {
		a.launch.made = instance.ID
		return instance, nil
	}
	if class := cloud.Class(err); class == provisioner.Transient || class == provisioner.Throttled {
		// A throttled attempt made nothing, but one before it may have.
		a.launch.open = &o
	}
	if codeOf(err) == codeMismatch {
		return a.mismatched(ctx, err)
	}
	return instance, err
}

// run asks for one offering.
func (a *asking) run(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
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
