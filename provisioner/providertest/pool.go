package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Pool is an address pool of a backend, of which nobody has an address.
type Pool struct {
	// Spec is a template whose nodes take their addresses from it.
	Spec json.RawMessage
	// Size is how many addresses it has; two to four.
	Size int
	// Name by which a refusal calls it.
	Name string
	// Held are the addresses of the pool that something has, and which instance by
	// its id.
	Held func() (by map[string]string, err error)
	// Foreign tells of addresses that nodes must not touch; what it says must stay
	// the same. Nil: there are none.
	Foreign func() string
}

func (b *bench) pool() *Pool {
	b.Helper()
	if b.Pool == nil {
		b.Skip("this provider has no address pools")
	}
	if b.Pool.Foreign != nil {
		before := b.Pool.Foreign()
		b.Cleanup(func() {
			if after := b.Pool.Foreign(); after != before {
				b.Errorf("addresses of others were %s and are %s", before, after)
			}
		})
	}
	return b.Pool
}

func (b *bench) pooledRequest() provisioner.LaunchRequest {
	r := b.request()
	r.Spec = b.Pool.Spec
	return r
}

// held waits until just these instances have addresses of the pool, one each, and
// returns which.
func (b *bench) held(want ...string) map[string]string {
	b.Helper()
	of := map[string]string{}
	b.eventually("addresses of the pool", func() error {
		by, err := b.Pool.Held()
		if err != nil {
			return err
		}
		clear(of)
		for address, id := range by {
			if other := of[id]; other != "" {
				b.Fatalf("%s has %s and %s", id, other, address)
			}
			of[id] = address
		}
		if have := slices.Sorted(maps.Keys(of)); !slices.Equal(have, slices.Sorted(slices.Values(want))) {
			return fmt.Errorf("they are with %v, want %v", have, want)
		}
		return nil
	})
	return of
}

func (b *bench) poolGivesEachAnAddress() {
	pool := b.pool()
	made := b.concurrently(pool.Size, func(int) provisioner.LaunchRequest { return b.pooledRequest() })
	if len(made) != pool.Size {
		b.Fatalf("%d launches made %v", pool.Size, made)
	}
	of := b.held(made...)
	for _, id := range made {
		b.eventually("the address of "+id, func() error {
			seen, err := b.Provider.Get(b.ctx, id)
			if err == nil && !slices.Equal(seen.PublicAddresses, []string{of[id]}) || seen.Unfinished {
				return fmt.Errorf("has %v (unfinished: %v), want %s", seen.PublicAddresses, seen.Unfinished, of[id])
			}
			return err
		})
	}
	b.listsExactly(b.Provider, b.owner, made...)
	b.end(made...)
	for _, id := range made {
		b.gone(id)
	}
	b.held()
}

// poolThatIsExhausted: that is refused, with a reason that names the pool, and
// leaves nothing; what a node gives back the next may have.
func (b *bench) poolThatIsExhausted() {
	pool := b.pool()
	var made []string
	for range pool.Size {
		b.throttled(func() error {
			i, err := b.Provider.Launch(b.ctx, b.pooledRequest())
			if err == nil {
				made = append(made, i.ID)
			}
			return err
		})
	}
	one := b.pooledRequest()
	refused := b.refused(one)
	reasons := fmt.Sprint(provisioner.Refused(refused))
	if !errors.Is(refused, provisioner.Capacity) || !strings.Contains(refused.Error(), pool.Name) || !strings.Contains(reasons, pool.Name) {
		b.Errorf("one more than the pool has: %v, for the reasons %s", refused, reasons)
	}
	b.listsExactly(b.Provider, b.owner, made...)
	b.end(made[0])
	b.gone(made[0])
	b.held(made[1:]...)
	var next provisioner.Instance
	b.eventually("a launch with what was given back", func() (err error) {
		next, err = b.Provider.Launch(b.ctx, b.pooledRequest())
		return err
	})
	b.held(append(slices.Clone(made[1:]), next.ID)...)
}

// refused launches until that is refused for good.
func (b *bench) refused(r provisioner.LaunchRequest) error {
	b.Helper()
	for range 20 {
		_, err := b.Provider.Launch(b.ctx, r)
		if class := provisioner.ClassOf(err); err == nil || class != provisioner.Throttled && class != provisioner.Transient {
			return err
		}
	}
	return errors.New("asked twenty times, and no answer")
}

// poolGivesOneForEachToken, whoever asks how often.
func (b *bench) poolGivesOneForEachToken() {
	b.pool()
	request := b.pooledRequest()
	made := b.concurrently(4, func(int) provisioner.LaunchRequest { return request })
	of := b.held(made...)
	request.AskedBefore = time.Now()
	next := b.Reopen(b.T)
	b.eventually("the same of the next manager", func() error {
		again, err := next.Launch(b.ctx, request)
		if err == nil && (again.ID != made[0] || !slices.Equal(again.PublicAddresses, []string{of[made[0]]})) {
			b.Fatalf("the token gave %s with %v; was %s with %s", again.ID, again.PublicAddresses, made[0], of[made[0]])
		}
		return err
	})
	b.held(made...)
}

// poolAddressStaysOverAStop: a firewall knows what comes back, and nobody takes the
// address meanwhile.
func (b *bench) poolAddressStaysOverAStop() {
	b.pool()
	if !b.Provider.Capabilities().StopStart {
		b.Skip("this provider has no stop and start")
	}
	var one provisioner.Instance
	b.throttled(func() (err error) {
		one, err = b.Provider.Launch(b.ctx, b.pooledRequest())
		return err
	})
	b.becomes(one.ID, provisioner.Running)
	before := b.held(one.ID)
	b.each(b.Provider.Stop(b.ctx, []string{one.ID}))
	b.becomes(one.ID, provisioner.Stopped)
	var two provisioner.Instance
	b.throttled(func() (err error) {
		two, err = b.Provider.Launch(b.ctx, b.pooledRequest())
		return err
	})
	b.held(one.ID, two.ID)
	b.each(b.Provider.Start(b.ctx, []string{one.ID}))
	b.becomes(one.ID, provisioner.Running)
	if after := b.held(one.ID, two.ID); after[one.ID] != before[one.ID] {
		b.Errorf("it had %s and came back with %s", before[one.ID], after[one.ID])
	}
	seen, err := b.Provider.Get(b.ctx, one.ID)
	if err != nil || !slices.Equal(seen.PublicAddresses, []string{before[one.ID]}) {
		b.Errorf("it shows %v, %v; want %s", seen.PublicAddresses, err, before[one.ID])
	}
}
