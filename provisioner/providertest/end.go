package providertest

import (
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
	results := b.Provider.Terminate(b.ctx, asked)
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
	for _, result := range b.Provider.Terminate(b.ctx, list) {
		if result.Err != nil {
			b.Fatalf("terminate %s: %v", result.ID, result.Err)
		}
	}
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
