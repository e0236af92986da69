package offering

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// cloud has what it has, and says why it has not.
type cloud struct {
	t     *testing.T
	m     Market
	now   time.Time
	full  map[Offering]error
	asked []Offering
	open  *Offering
	tidy  func(context.Context) (provisioner.Instance, error)
	most  int
}

func (c *cloud) first() (provisioner.Instance, error) {
	c.asked = nil
	return c.m.First(c.t.Context(), Search{
		Request: provisioner.LaunchRequest{NodeID: "n", Owner: provisioner.Owner{Cluster: "c"}}, Region: "eu",
		Wanted: Wanted{Types: []string{large.Type, small.Type}, Zones: []string{large.Zone}}, Most: c.most, Open: c.open, Tidy: c.tidy,
		Ask: func(_ context.Context, o Offering) (provisioner.Instance, error) {
			c.asked = append(c.asked, o)
			return provisioner.Instance{Type: o.Type}, c.full[o]
		},
		Judge: func(err error) Verdict { return Judge(provisioner.ClassOf(err)) },
		Cloud: func(err error) provisioner.Answer { return provisioner.Answer{Class: provisioner.ClassOf(err)} },
		Now:   func() time.Time { return c.now }, Log: slog.New(slog.DiscardHandler),
	})
}

func newCloud(t *testing.T) *cloud {
	return &cloud{t: t, now: time.Unix(1000, 0), full: map[Offering]error{}, most: 9}
}

var large, small = Offering{false, "large", "a"}, Offering{false, "small", "a"}

func TestWhatIsRefusedIsPassedOverUntilItHasRested(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.full[large] = provisioner.Refuse(provisioner.Capacity, "launch", "x", "STOCKOUT")
	for _, row := range []struct {
		after time.Duration
		asked []Offering
	}{
		{0, []Offering{large, small}}, {time.Minute, []Offering{small}}, {capacityRests, []Offering{large, small}},
	} {
		c.now = time.Unix(1000, 0).Add(row.after)
		i, err := c.first()
		if err != nil || i.Type != "small" || !slices.Equal(c.asked, row.asked) || fmt.Sprint(i.PassedOver) != "[large on demand in a: no capacity (STOCKOUT)]" {
			t.Errorf("after %s: %v, %+v, asked %v", row.after, err, i, c.asked)
		}
	}
	if n := c.m.Spread.Of("c")["a"]; n != 3 {
		t.Errorf("%d instances counted, want the three that exist", n)
	}
}

func TestWhatMayHaveBeenHadIsAskedForFirstAndAgain(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.full[large] = provisioner.Refuse(provisioner.Capacity, "launch", "x", "STOCKOUT")
	c.full[small] = c.full[large]
	if _, err := c.first(); !errors.Is(err, provisioner.Capacity) {
		t.Fatal(err)
	}
	delete(c.full, small)
	c.open = &small
	if i, err := c.first(); err != nil || i.Type != "small" || !slices.Equal(c.asked, []Offering{small}) {
		t.Errorf("%v, asked %v", err, c.asked)
	}
}

func TestAFailureThatIsNoOfferingsEndsTheSearch(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.full[large] = errors.New("connection reset")
	_, err := c.first()
	if !errors.Is(err, provisioner.Transient) || !strings.Contains(err.Error(), "large on demand in a") || len(c.asked) != 1 {
		t.Errorf("%v, asked %v", err, c.asked)
	}
	if _, lately := c.m.refusals.of(c.now, "eu", large); lately || c.m.Spread.Of("c")["a"] != 0 {
		t.Error("the offering is blamed, or an instance is counted")
	}
}

func TestOneCallAsksForSoMany(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.most = 1
	c.full[large] = provisioner.Refuse(provisioner.Quota, "launch", "x", "limit")
	if _, err := c.first(); !errors.Is(err, provisioner.Quota) || len(c.asked) != 1 {
		t.Errorf("%v, asked %v", err, c.asked)
	}
	if i, err := c.first(); err != nil || i.Type != "small" {
		t.Errorf("the next call does not go on behind it: %v", err)
	}
}

func TestWhatARefusalLeavesIsTidiedBeforeTheNextIsAsked(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.full[large] = provisioner.Refuse(provisioner.Capacity, "launch", "x", "STOCKOUT")
	c.tidy = func(context.Context) (provisioner.Instance, error) {
		if _, noted := c.m.refusals.of(c.now, "eu", large); !noted || len(c.asked) != 1 {
			t.Errorf("tidied after %v, refusal remembered: %v", c.asked, noted)
		}
		return provisioner.Instance{}, nil
	}
	if i, err := c.first(); err != nil || i.Type != "small" {
		t.Errorf("%v, %+v", err, i)
	}
	c = newCloud(t)
	c.full[large] = provisioner.Refuse(provisioner.Capacity, "launch", "x", "STOCKOUT")
	c.tidy = func(context.Context) (provisioner.Instance, error) { return provisioner.Instance{ID: "lives"}, nil }
	if i, err := c.first(); err != nil || i.ID != "lives" || len(c.asked) != 1 {
		t.Errorf("one that lives is not taken: %v, %+v, asked %v", err, i, c.asked)
	}
}

// Two launches of one moment, both refused the type that they wanted first, do
// not both go to the zone that was the emptiest when they began.
func TestLaunchesOfOneMomentAreSpreadOverZones(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	zones := []string{"a", "b", "c"}
	for _, zone := range zones {
		c.full[Offering{false, "large", zone}] = provisioner.Refuse(provisioner.Capacity, "launch", "x", "STOCKOUT")
	}
	const launches = 6
	var meet sync.WaitGroup
	meet.Add(launches)
	got := make(chan string, launches)
	for n := range launches {
		go func() {
			began := false
			i, err := c.m.First(t.Context(), Search{
				Request: provisioner.LaunchRequest{NodeID: "n", ClientToken: fmt.Sprint(n), Owner: provisioner.Owner{Cluster: "c"}}, Region: "eu",
				Wanted: Wanted{Types: []string{"large", "small"}, Zones: zones}, Most: 9,
				Ask: func(_ context.Context, o Offering) (provisioner.Instance, error) {
					if !began { // all have made their lists
						began = true
						meet.Done()
						meet.Wait()
					}
					return provisioner.Instance{Zone: o.Zone}, c.full[o]
				},
				Judge: func(err error) Verdict { return Judge(provisioner.ClassOf(err)) },
				Cloud: func(err error) provisioner.Answer { return provisioner.Answer{Class: provisioner.ClassOf(err)} },
				Now:   func() time.Time { return c.now }, Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Error(err)
			}
			got <- i.Zone
		}()
	}
	count := map[string]int{}
	for range launches {
		count[<-got]++
	}
	if count["a"] != 2 || count["b"] != 2 || count["c"] != 2 {
		t.Errorf("six launches went to %v", count)
	}
}
