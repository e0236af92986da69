package aws

import (
	"cmp"
	"context"
	"encoding/base64"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/godwit/godwit/provisioner"
)

// Terminate implements provisioner.Provider. Calls at about the same time are
// one call to EC2. Volumes and interfaces end with their instances.
func (p *Provider) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	// All at once, or they would not be one call.
	return provisioner.Each(ids, len(ids), func(id string) error {
		r, own, ok := p.locate(id)
		if !ok {
			return nil // never one of ours, so it is gone
		}
		done, err := r.ends.of(ctx, own)
		return cmp.Or(err, done.err)
	})
}

// terminate ends what EC2 knows. That it does not know an instance is an end,
// unless it was made a moment ago.
func (p *Provider) terminate(ctx context.Context, r *region, ids []string) map[string]outcome[struct{}] {
	out := map[string]outcome[struct{}]{}
	bisect(ids, func(some []string) error {
		_, err := r.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: some})
		return err
	}, func(own string, err error) {
		id := r.id(own)
		if err = p.unseen("terminate", id, err); cloud.Class(err) == provisioner.NotFound {
			err = nil
		}
		out[own] = outcome[struct{}]{err: cloud.Failure("terminate", id, err)}
	})
	return out
}

// bisect makes one call for many ids. EC2 refuses all of them for the fault of
// one, with a class that is about instances: then each half is tried by itself.
// Other failures are everybody's.
func bisect(ids []string, call func([]string) error, tell func(id string, err error)) {
	if len(ids) == 0 {
		return
	}
	err := call(ids)
	class := cloud.Class(err)
	if len(ids) > 1 && (class == provisioner.NotFound || class == provisioner.Unsupported || codeOf(err) == codeState) {
		half := len(ids) / 2
		bisect(ids[:half], call, tell)
		bisect(ids[half:], call, tell)
		return
	}
	for _, id := range ids {
		tell(id, err)
	}
}

// Stop implements provisioner.Provider. Only what was bought by a persistent spot
// request can be stopped ("Stop a Spot Instance", EC2 user guide), and such a
// request would launch anew what ends: ours are for one time, and are not stopped.
func (p *Provider) Stop(ctx context.Context, ids []string) []provisioner.Result {
	return p.each("stop", ids, func(r *region, some []string) error {
		_, err := r.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: some})
		return err
	})
}

// Start implements provisioner.Provider. What is still stopping is Transient.
func (p *Provider) Start(ctx context.Context, ids []string) []provisioner.Result {
	return p.each("start", ids, func(r *region, some []string) error {
		_, err := r.ec2.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: some})
		return err
	})
}

func (p *Provider) each(op string, ids []string, call func(*region, []string) error) []provisioner.Result {
	results := make([]provisioner.Result, len(ids))
	places := map[*region][]string{}
	at := map[string][]int{}
	for i, id := range ids {
		results[i].ID = id
		r, own, ok := p.locate(id)
		if !ok {
			results[i].Err = provisioner.Unknown(op, id)
			continue
		}
		if at[id] == nil {
			places[r] = append(places[r], own)
		}
		at[id] = append(at[id], i)
	}
	for r, owns := range places {
		bisect(owns, func(some []string) error { return call(r, some) }, func(own string, err error) {
			id := r.id(own)
			for _, i := range at[id] {
				results[i].Err = cloud.Failure(op, id, p.unseen(op, id, err))
			}
		})
	}
	return results
}

// Console implements provisioner.Provider. Machines of the newer kinds show
// their console as it is, older ones as it was some minutes ago.
func (p *Provider) Console(ctx context.Context, id string) ([]byte, error) {
	r, own, ok := p.locate(id)
	if !ok {
		return nil, provisioner.Unknown("console", id)
	}
	out, err := r.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &own, Latest: awssdk.Bool(true)})
	if class := cloud.Class(err); class == provisioner.Unsupported || class == provisioner.InvalidTemplate {
		out, err = r.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &own})
	}
	if err != nil {
		if cloud.Class(err) == provisioner.NotFound {
			if _, young := p.recent.of(p.now(), id, p.lag); young {
				return nil, nil
			}
		}
		return nil, cloud.Failure("console", id, err)
	}
	text, err := base64.StdEncoding.DecodeString(awssdk.ToString(out.Output))
	if err != nil {
		return nil, provisioner.Refuse(provisioner.Transient, "console", id, "output: %w", err)
	}
	return text[max(0, len(text)-provisioner.ConsoleLimit):], nil
}
