package providertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

func (b *bench) launchIsListedWithItsTags() {
	request := b.request()
	launched := b.launch(request)
	b.listsExactly(b.Provider, b.owner, launched.ID)
	for _, seen := range b.list(b.Provider, b.owner) {
		if seen.ClientToken != request.ClientToken || seen.NodeID != request.NodeID || seen.Owner != request.Owner {
			b.Errorf("listed as %+v, want token, node and owner of %+v", seen, request)
		}
		if seen.Tags["suite"] != "providertest" {
			b.Errorf("tags lost: %v", seen.Tags)
		}
		if seen.LaunchedAt.IsZero() {
			b.Error("no launch time: an orphan's age can't be told")
		}
	}
	b.becomes(launched.ID, provisioner.Running)
}

func (b *bench) launchTwiceMakesOne() {
	request := b.request()
	first := b.launch(request)
	if second := b.launch(request); second.ID != first.ID {
		b.Errorf("one token made %s and %s", first.ID, second.ID)
	}
	request.AskedBefore = time.Now() // a caller that has restarted knows no better
	again, err := b.Reopen(b.T).Launch(b.ctx, request)
	if err != nil || again.ID != first.ID {
		b.Errorf("after a restart the token gave %q, %v; want %s", again.ID, err, first.ID)
	}
	b.listsExactly(b.Provider, b.owner, first.ID)
}

func (b *bench) launchAtOnceMakesOne() {
	request := b.request()
	b.listsExactly(b.Provider, b.owner, b.concurrently(8, func(int) provisioner.LaunchRequest { return request })...)
	if n := len(b.list(b.Provider, b.owner)); n != 1 {
		b.Errorf("one token, eight callers, %d instances", n)
	}
}

func (b *bench) launchManyAtOnce() {
	made := b.concurrently(6, func(int) provisioner.LaunchRequest { return b.request() })
	if len(made) != 6 {
		b.Errorf("six tokens made %v", made)
	}
	b.listsExactly(b.Provider, b.owner, made...)
}

// concurrently launches n times at once and returns the distinct ids made.
func (b *bench) concurrently(n int, request func(int) provisioner.LaunchRequest) []string {
	b.Helper()
	found := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		r := request(i)
		group.Go(func() {
			b.throttled(func() error {
				instance, err := b.Provider.Launch(b.ctx, r)
				found[i] = instance.ID
				return err
			})
		})
	}
	group.Wait()
	distinct := map[string]bool{}
	var made []string
	for _, id := range found {
		if id != "" && !distinct[id] {
			distinct[id] = true
			made = append(made, id)
		}
	}
	return made
}

// throttled repeats what a provider may refuse for a moment under load.
func (b *bench) throttled(call func() error) {
	for range 20 {
		err := call()
		if err == nil {
			return
		}
		if !provisioner.Retryable(err) {
			b.Errorf("launch at once: %v", err)
			return
		}
	}
	b.Error("launch at once: refused twenty times")
}

func (b *bench) launchRefusesInvalid() {
	for field, spec := range b.Invalid {
		request := b.request()
		request.Spec = spec
		_, err := b.Provider.Launch(b.ctx, request)
		if !errors.Is(err, provisioner.InvalidTemplate) || provisioner.Field(err) != field {
			b.Errorf("spec %s: launch says %v (field %q); want invalid template, field %q",
				spec, err, provisioner.Field(err), field)
		}
	}
	b.listsExactly(b.Provider, b.owner)
}

func (b *bench) launchStopsWithItsContext() {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.Provider.Launch(ctx, b.request()); !provisioner.Interrupted(err) {
		b.Errorf("launch under an ended context: %v", err)
	}
	b.listsExactly(b.Provider, b.owner)
}

func (b *bench) restartForgetsNothing() {
	one, two := b.launch(b.request()), b.launch(b.request())
	next := b.Reopen(b.T)
	b.listsExactly(next, b.owner, one.ID, two.ID)
	if result := next.Terminate(b.ctx, []string{one.ID}); result[0].Err != nil {
		b.Fatalf("the next manager can't end %s: %v", one.ID, result[0].Err)
	}
	b.gone(one.ID)
	b.listsExactly(next, b.owner, two.ID)
}

func (b *bench) ownersAreApart() {
	mine := b.launch(b.request())
	other := b.request()
	other.Owner.Cluster = unique("other")
	theirs := b.launch(other)
	b.listsExactly(b.Provider, b.owner, mine.ID)
	b.listsExactly(b.Provider, other.Owner, theirs.ID)
	b.listsExactly(b.Provider, provisioner.Owner{Installation: b.owner.Installation}, mine.ID, theirs.ID)
	b.listsExactly(b.Provider, provisioner.Owner{Installation: unique("stranger")})
}

func (b *bench) listPagesInside() {
	var made []string
	for range b.Bulk {
		b.throttled(func() error {
			instance, err := b.Provider.Launch(b.ctx, b.request())
			if err == nil {
				made = append(made, instance.ID)
			}
			return err
		})
	}
	b.listsExactly(b.Provider, b.owner, made...)
	listed := b.list(b.Provider, b.owner)
	for i := 1; i < len(listed); i++ {
		if listed[i-1].ID >= listed[i].ID {
			b.Fatalf("not in order of id: %v", ids(listed))
		}
	}
}

func (b *bench) consoleShowsOutput() {
	instance := b.launch(b.request())
	b.eventually("console", func() error {
		text, err := b.Provider.Console(b.ctx, instance.ID)
		if err != nil {
			return err
		}
		if len(text) > provisioner.ConsoleLimit {
			b.Fatalf("console of %d bytes", len(text))
		}
		if !bytes.Contains(text, []byte(b.Output)) {
			return fmt.Errorf("console says %q", text)
		}
		return nil
	})
	if _, err := b.Provider.Console(b.ctx, unique("i")); !errors.Is(err, provisioner.NotFound) {
		b.Errorf("console of a stranger: %v", err)
	}
}

func (b *bench) validateNamesTheField() {
	faults, err := b.Provider.Validate(b.ctx, b.Spec)
	if err != nil || len(faults) != 0 {
		b.Errorf("valid spec: %v, %v", faults, err)
	}
	for field, spec := range b.Invalid {
		faults, err := b.Provider.Validate(b.ctx, spec)
		if err != nil || len(faults) == 0 || faults[0].Field != field || faults[0].Problem == "" {
			b.Errorf("spec %s: faults %v, %v; want one on %q", spec, faults, err, field)
		}
	}
}
