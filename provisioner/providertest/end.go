package providertest

import (
	"encoding/json"
	"errors"

	"github.com/godwit/godwit/provisioner"
)

func (b *bench) getOfStrangers() {
	for _, id := range []string{unique("i"), "", "../../etc", "local-00000000000000000000000000"} {
		if _, err := b.Provider.Get(b.ctx, id); !errors.Is(err, provisioner.NotFound) {
			b.Errorf("get %q: %v, want not found", id, err)
		}
	}
}

func (b *bench) terminateOnlyNamed() {
	one, two, three := b.launch(b.request()), b.launch(b.request()), b.launch(b.request())
	b.end(one.ID, three.ID)
	b.gone(one.ID)
	b.gone(three.ID)
	b.listsExactly(b.Provider, b.owner, two.ID)
	b.becomes(two.ID, provisioner.Running)
}

func (b *bench) terminateTwice() {
	instance := b.launch(b.request())
	b.end(instance.ID)
	b.end(instance.ID)
	b.gone(instance.ID)
	b.end(instance.ID)
	b.listsExactly(b.Provider, b.owner)
}

func (b *bench) terminateAnswersForEveryID() {
	one, two := b.launch(b.request()), b.launch(b.request())
	asked := []string{two.ID, unique("i"), one.ID}
	results := b.terminated(asked)
	if len(results) != len(asked) {
		b.Fatalf("%d results for %d ids", len(results), len(asked))
	}
	for i, result := range results {
		if result.ID != asked[i] || result.Err != nil {
			b.Errorf("result %d: %+v, want %s without error", i, result, asked[i])
		}
	}
	if none := b.Provider.Terminate(b.ctx, nil); len(none) != 0 {
		b.Errorf("results for no ids: %v", none)
	}
	b.listsExactly(b.Provider, b.owner)
}

func (b *bench) end(list ...string) {
	b.Helper()
	for _, result := range b.terminated(list) {
		if result.Err != nil {
			b.Fatalf("terminate %s: %v", result.ID, result.Err)
		}
	}
}

// terminated asks again while a result may be another later: a cloud may not show
// yet what it has just made.
func (b *bench) terminated(list []string) (results []provisioner.Result) {
	b.Helper()
	b.eventually("an end", func() error {
		results = b.Provider.Terminate(b.ctx, list)
		for _, result := range results {
			if result.Err != nil && provisioner.Retryable(result.Err) {
				return result.Err
			}
		}
		return nil
	})
	return results
}

func (b *bench) crashIsSeen() {
	if b.Crash == nil {
		b.Skip("this backend's instances can't be made to crash")
	}
	instance := b.launch(b.request())
	b.becomes(instance.ID, provisioner.Running)
	b.Crash(b.T, instance)
	b.eventually("end by itself", func() error {
		seen, err := b.Provider.Get(b.ctx, instance.ID)
		if errors.Is(err, provisioner.NotFound) || (err == nil && seen.State == provisioner.Stopped) {
			return nil
		}
		return errors.Join(err, errors.New("is "+string(seen.State)))
	})
	b.end(instance.ID)
	b.gone(instance.ID)
	b.listsExactly(b.Provider, b.owner)
}

func (b *bench) stopAndStart() {
	instance := b.launch(b.request())
	b.becomes(instance.ID, provisioner.Running)
	if !b.Provider.Capabilities().StopStart {
		for _, result := range append(b.Provider.Stop(b.ctx, []string{instance.ID}), b.Provider.Start(b.ctx, []string{instance.ID})...) {
			if !errors.Is(result.Err, provisioner.Unsupported) {
				b.Errorf("without the capability: %v", result.Err)
			}
		}
		return
	}
	for range 2 {
		b.each(b.Provider.Stop(b.ctx, []string{instance.ID}))
		b.becomes(instance.ID, provisioner.Stopped)
		b.listsExactly(b.Provider, b.owner, instance.ID)
		b.each(b.Provider.Start(b.ctx, []string{instance.ID}))
		b.becomes(instance.ID, provisioner.Running)
	}
	if missing := b.Provider.Start(b.ctx, []string{unique("i")}); !errors.Is(missing[0].Err, provisioner.NotFound) {
		b.Errorf("start of a stranger: %v", missing[0].Err)
	}
}

func (b *bench) each(results []provisioner.Result) {
	b.Helper()
	for _, result := range results {
		if result.Err != nil {
			b.Fatalf("%s: %v", result.ID, result.Err)
		}
	}
}

// stopAndStartTwice: a caller that lost the answer asks again.
func (b *bench) stopAndStartTwice() {
	if !b.Provider.Capabilities().StopStart {
		b.Skip("this provider has no stop and start")
	}
	launched := b.launch(b.request())
	b.becomes(launched.ID, provisioner.Running)
	for range 2 {
		b.each(b.Provider.Stop(b.ctx, []string{launched.ID}))
	}
	b.becomes(launched.ID, provisioner.Stopped)
	for range 2 {
		b.each(b.Provider.Start(b.ctx, []string{launched.ID}))
	}
	b.becomes(launched.ID, provisioner.Running)
	b.listsExactly(b.Provider, b.owner, launched.ID)
	for _, seen := range b.list(b.Provider, b.owner) {
		if seen.ClientToken != launched.ClientToken || seen.NodeID != launched.NodeID || !seen.LaunchedAt.Equal(launched.LaunchedAt) {
			b.Errorf("came back as %+v, was %+v", seen, launched)
		}
	}
	for _, result := range append(b.Provider.Stop(b.ctx, []string{unique("i")}), b.Provider.Start(b.ctx, []string{unique("i")})...) {
		if !errors.Is(result.Err, provisioner.NotFound) {
			b.Errorf("stop or start of a stranger: %v", result.Err)
		}
	}
}

// stoppedOutlivesTheManager: what is stopped can be found, started and ended by
// the manager after.
func (b *bench) stoppedOutlivesTheManager() {
	if !b.Provider.Capabilities().StopStart {
		b.Skip("this provider has no stop and start")
	}
	one, two := b.launch(b.request()), b.launch(b.request())
	b.becomes(one.ID, provisioner.Running)
	b.becomes(two.ID, provisioner.Running)
	b.each(b.Provider.Stop(b.ctx, []string{one.ID, two.ID}))
	b.becomes(one.ID, provisioner.Stopped)
	next := b.Reopen(b.T)
	b.listsExactly(next, b.owner, one.ID, two.ID)
	b.each(next.Start(b.ctx, []string{one.ID}))
	b.becomes(one.ID, provisioner.Running)
	b.each(next.Terminate(b.ctx, []string{two.ID}))
	b.gone(two.ID)
	b.listsExactly(next, b.owner, one.ID)
}

// spotStops: what is bought as spot stops and starts, or the provider says that it
// does not and can launch another way.
func (b *bench) spotStops() {
	can := b.Provider.Capabilities()
	if !can.Spot || !can.StopStart {
		b.Skip("this provider has no spot, or stops nothing")
	}
	request := b.request()
	request.Spec = b.onlySpot()
	spot, err := b.Provider.Launch(b.ctx, request)
	if class := provisioner.ClassOf(err); class == provisioner.Capacity || class == provisioner.Quota {
		b.Skipf("the account gets no spot at the moment: %v", err)
	}
	if err != nil || !spot.Spot {
		b.Fatalf("a launch of spot: %+v, %v", spot, err)
	}
	b.becomes(spot.ID, provisioner.Running)
	if can.StopSpot {
		b.each(b.Provider.Stop(b.ctx, []string{spot.ID}))
		b.becomes(spot.ID, provisioner.Stopped)
		b.each(b.Provider.Start(b.ctx, []string{spot.ID}))
		b.becomes(spot.ID, provisioner.Running)
		return
	}
	request = b.request()
	request.Spec, request.OnDemand = b.onlySpot(), true
	other := b.launch(request)
	if other.Spot {
		b.Errorf("asked for on demand, launched %+v", other)
	}
	b.becomes(other.ID, provisioner.Running)
	results := b.Provider.Stop(b.ctx, []string{spot.ID, other.ID})
	if !errors.Is(results[0].Err, provisioner.Unsupported) || results[1].Err != nil {
		b.Errorf("stop of spot: %v; of what was asked for beside it: %v", results[0].Err, results[1].Err)
	}
	b.becomes(other.ID, provisioner.Stopped)
	b.becomes(spot.ID, provisioner.Running)
}

// onlySpot is the harness's template with spot alone, in the fields that all
// clouds share.
func (b *bench) onlySpot() json.RawMessage {
	b.Helper()
	var fields map[string]any
	if err := json.Unmarshal(b.Spec, &fields); err != nil {
		b.Fatal(err)
	}
	fields["spot_percent"], fields["spot_fallback"] = 100, false
	raw, err := json.Marshal(fields)
	if err != nil {
		b.Fatal(err)
	}
	return raw
}
