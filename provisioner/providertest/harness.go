package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Harness is one backend for one test, empty of instances.
type Harness struct {
	// Provider under test.
	Provider provisioner.Provider
	// Reopen returns another Provider on the same backend, as after a restart
	// of the manager.
	Reopen func(t *testing.T) provisioner.Provider
	// Spec is a valid template.
	Spec json.RawMessage
	// Invalid are specs that must be refused; the key is the field to blame.
	Invalid map[string]json.RawMessage
	// Output is what an instance writes to its console sooner or later; empty
	// when the backend has no console worth testing.
	Output string
	// Crash makes an instance end by itself; nil where that can't be had.
	Crash func(t *testing.T, instance provisioner.Instance)
	// Within is the longest that the backend takes for any change; 20 s if 0.
	Within time.Duration
	// Every is how often the backend is looked at meanwhile; 20 ms if 0.
	Every time.Duration
	// Bulk is how many instances the pagination test launches; 12 if 0. Give
	// more than one page of the backend.
	Bulk int
	// Pool is an address pool; nil where the provider has none, or the backend.
	Pool *Pool
	// Faulty are the tests that the backend, not the provider, fails, by name, and
	// what it gets wrong: an emulator's faults. They are skipped.
	Faulty map[string]string
}

// Run puts a provider through the whole contract. setup is called once for
// each test, which may run in parallel.
func Run(t *testing.T, setup func(t *testing.T) Harness) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*bench)
	}{
		{"LaunchIsListedWithItsTags", (*bench).launchIsListedWithItsTags},
		{"LaunchTwiceWithOneTokenMakesOne", (*bench).launchTwiceMakesOne},
		{"LaunchAtOnceWithOneTokenMakesOne", (*bench).launchAtOnceMakesOne},
		{"LaunchAtOnceWithManyTokensMakesMany", (*bench).launchManyAtOnce},
		{"LaunchRefusesInvalidTemplates", (*bench).launchRefusesInvalid},
		{"LaunchStopsWithItsContext", (*bench).launchStopsWithItsContext},
		{"RestartForgetsNothing", (*bench).restartForgetsNothing},
		{"OwnersDoNotSeeEachOther", (*bench).ownersAreApart},
		{"ListPagesInside", (*bench).listPagesInside},
		{"GetOfStrangersIsNotFound", (*bench).getOfStrangers},
		{"TerminateEndsOnlyTheNamed", (*bench).terminateOnlyNamed},
		{"TerminateTwiceSucceeds", (*bench).terminateTwice},
		{"TerminateAnswersForEveryID", (*bench).terminateAnswersForEveryID},
		{"ConsoleShowsOutput", (*bench).consoleShowsOutput},
		{"CrashIsSeenAndCleared", (*bench).crashIsSeen},
		{"StopKeepsAndStartRevives", (*bench).stopAndStart},
		{"StopAndStartTwiceAreOne", (*bench).stopAndStartTwice},
		{"StoppedIsListedByTheNextManagerAndEnds", (*bench).stoppedOutlivesTheManager},
		{"SpotStopsWhereItCanAndIsRefusedElsewhere", (*bench).spotStops},
		{"ValidateNamesTheField", (*bench).validateNamesTheField},
		{"PoolGivesEachNodeAnAddress", (*bench).poolGivesEachAnAddress},
		{"PoolThatIsExhaustedRefusesAndLeavesNothing", (*bench).poolThatIsExhausted},
		{"PoolGivesOneAddressForEachToken", (*bench).poolGivesOneForEachToken},
		{"PoolAddressStaysOverAStop", (*bench).poolAddressStaysOverAStop},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			if fault := h.Faulty[test.name]; fault != "" {
				t.Skip("the backend's fault: " + fault)
			}
			if h.Within == 0 {
				h.Within = 20 * time.Second
			}
			if h.Every == 0 {
				h.Every = 20 * time.Millisecond
			}
			if h.Bulk == 0 {
				h.Bulk = 12
			}
			ctx, cancel := context.WithTimeout(t.Context(), max(2*time.Minute, 3*h.Within))
			t.Cleanup(cancel)
			b := &bench{T: t, Harness: h, ctx: ctx, owner: provisioner.Owner{Installation: unique("inst"), Cluster: unique("cluster")}}
			t.Cleanup(b.sweep)
			test.run(b)
		})
	}
}

// bench is one test's workbench.
type bench struct {
	*testing.T
	Harness
	ctx   context.Context
	owner provisioner.Owner
}

var serial atomic.Int64

func unique(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), serial.Add(1))
}

// sweep ends what a test left, failed or not.
func (b *bench) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	instances, err := b.Provider.List(ctx, provisioner.Owner{Installation: b.owner.Installation})
	if err != nil {
		b.Errorf("sweep: %v", err)
		return
	}
	for _, result := range b.Provider.Terminate(ctx, ids(instances)) {
		if result.Err != nil {
			b.Errorf("sweep %s: %v", result.ID, result.Err)
		}
	}
}

func ids(instances []provisioner.Instance) []string {
	var list []string
	for _, instance := range instances {
		list = append(list, instance.ID)
	}
	return list
}

func (b *bench) request() provisioner.LaunchRequest {
	node := unique("node")
	return provisioner.LaunchRequest{
		ClientToken: unique("token"), NodeID: node, NodeName: node, Owner: b.owner, Spec: b.Spec,
		Bootstrap: provisioner.Bootstrap{
			ManagerURLs: []string{"https://127.0.0.1:1"}, CASHA256: "00", NodeID: node, Cluster: "c", JoinToken: "secret",
		},
		Tags: map[string]string{"suite": "providertest"},
	}
}

func (b *bench) launch(request provisioner.LaunchRequest) provisioner.Instance {
	b.Helper()
	instance, err := b.Provider.Launch(b.ctx, request)
	if err != nil {
		b.Fatalf("launch: %v", err)
	}
	if instance.ID == "" {
		b.Fatalf("launch returned an instance without an id: %+v", instance)
	}
	return instance
}

func (b *bench) list(provider provisioner.Provider, owner provisioner.Owner) []provisioner.Instance {
	b.Helper()
	instances, err := provider.List(b.ctx, owner)
	if err != nil {
		b.Fatalf("list: %v", err)
	}
	return instances
}

// eventually polls until a check passes; its error tells what was seen last.
func (b *bench) eventually(what string, check func() error) {
	b.Helper()
	deadline := time.Now().Add(b.Within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s: not within %s: %v", what, b.Within, err)
		}
		select {
		case <-b.ctx.Done():
			b.Fatalf("%s: %v", what, b.ctx.Err())
		case <-time.After(b.Every):
		}
	}
}

func (b *bench) listsExactly(provider provisioner.Provider, owner provisioner.Owner, want ...string) {
	b.Helper()
	b.eventually("list", func() error {
		instances, err := provider.List(b.ctx, owner)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, instance := range instances {
			if instance.State != provisioner.Terminating {
				seen[instance.ID] = true
			}
		}
		for _, id := range want {
			if !seen[id] {
				return fmt.Errorf("%s is missing in %v", id, ids(instances))
			}
		}
		if len(seen) != len(want) {
			return fmt.Errorf("lists %v, want %v", ids(instances), want)
		}
		return nil
	})
}

func (b *bench) becomes(id string, want provisioner.InstanceState) {
	b.Helper()
	b.eventually("become "+string(want), func() error {
		instance, err := b.Provider.Get(b.ctx, id)
		if err != nil {
			return err
		}
		if instance.State != want {
			return fmt.Errorf("is %s (%s)", instance.State, instance.Detail)
		}
		return nil
	})
}

func (b *bench) gone(id string) {
	b.Helper()
	b.eventually("end of "+id, func() error {
		instance, err := b.Provider.Get(b.ctx, id)
		if provisioner.ClassOf(err) == provisioner.NotFound {
			return nil
		}
		return fmt.Errorf("get says %s, %w", instance.State, err)
	})
}
