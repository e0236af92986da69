package offering

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

func TestSpotIsAskedFirstAndTypesByPreference(t *testing.T) {
	t.Parallel()
	w := Wanted{Types: []string{"large", "small"}, Zones: []string{"a", "b"}, SpotPercent: 100, Fallback: true}
	list := w.List("token", map[string]int{"a": 3})
	want := []Offering{
		{true, "large", "b"}, {true, "large", "a"}, {true, "small", "b"}, {true, "small", "a"},
		{false, "large", "b"}, {false, "large", "a"}, {false, "small", "b"}, {false, "small", "a"},
	}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("asked in the order\n%v, want\n%v", list, want)
	}
	w.Fallback = false
	if n := len(w.List("token", nil)); n != 4 {
		t.Errorf("%d offerings without fallback", n)
	}
}

func TestTheSpotShareFollowsFromTheToken(t *testing.T) {
	t.Parallel()
	w, spot := Wanted{Types: []string{"t"}, SpotPercent: 30}, 0
	for i := range 1000 {
		token := fmt.Sprint("token", i)
		first := w.List(token, nil)[0]
		if first != w.List(token, nil)[0] {
			t.Fatalf("%s is drawn anew", token)
		}
		if first.Spot {
			spot++
		}
	}
	if spot < 240 || spot > 360 {
		t.Errorf("%d of 1000 are spot, want about 300", spot)
	}
}

func TestARefusalRestsItsOfferingAlone(t *testing.T) {
	t.Parallel()
	var r refusals
	now := time.Unix(1000, 0)
	r.note(now, "eu", Offering{false, "t", "a"}, Judge(provisioner.Capacity), "none left")
	r.note(now, "eu", Offering{true, "t", "a"}, Judge(provisioner.Quota), "limit")
	for _, row := range []struct {
		at   time.Duration
		o    Offering
		rest bool
	}{
		{0, Offering{false, "t", "a"}, true}, {0, Offering{false, "t", "b"}, false}, {0, Offering{false, "u", "a"}, false},
		{0, Offering{true, "t", "b"}, true}, {capacityRests, Offering{false, "t", "a"}, false}, {quotaRests, Offering{true, "t", "b"}, false},
	} {
		if _, rests := r.of(now.Add(row.at), "eu", row.o); rests != row.rest {
			t.Errorf("after %s %s rests: %v", row.at, row.o, rests)
		}
	}
}

func TestExhaustedSaysWhatAnOperatorCanDo(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	one := func(class provisioner.Class, rests time.Duration) refusal {
		return refusal{Offering{false, "t", string(class)}, class, now.Add(rests), "none left"}
	}
	err := exhausted("n", "instance_types", now, []refusal{one(provisioner.Quota, time.Minute), one(provisioner.Capacity, time.Hour)})
	if !errors.Is(err, provisioner.Capacity) || provisioner.RetryAfter(err) != time.Minute || !strings.Contains(err.Error(), "t on demand in quota: none left") {
		t.Errorf("%v", err)
	}
	if err := exhausted("n", "instance_types", now, []refusal{one(provisioner.Quota, time.Minute)}); !errors.Is(err, provisioner.Quota) {
		t.Errorf("quota alone: %v", err)
	}
	err = exhausted("n", "instance_types", now, []refusal{one(provisioner.InvalidTemplate, time.Hour)})
	if provisioner.Field(err) != "instance_types" {
		t.Errorf("offered nowhere: %v", err)
	}
}

func TestOneTokenOneCallAtATime(t *testing.T) {
	t.Parallel()
	var l Launches[int]
	now := time.Unix(1000, 0)
	of := func(token string) provisioner.LaunchRequest { return provisioner.LaunchRequest{ClientToken: token} }
	memory, leave, err := l.Enter(t.Context(), now, of("a"))
	if err != nil || *memory != 0 {
		t.Fatalf("first: %v, remembers %d", err, *memory)
	}
	*memory = 7
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Enter(ended, now, of("a")); !provisioner.Interrupted(err) {
		t.Fatalf("two calls inside: %v", err)
	}
	_, other, err := l.Enter(t.Context(), now, of("b"))
	if err != nil {
		t.Fatalf("another token waits: %v", err)
	}
	other()
	next := make(chan int)
	go func() {
		memory, leave, err := l.Enter(t.Context(), now.Add(time.Hour), of("a"))
		if err != nil {
			next <- 0
			return
		}
		defer leave()
		next <- *memory
	}()
	leave()
	if <-next != 7 {
		t.Error("the second call does not know of the first")
	}
	if _, _, err := l.Enter(t.Context(), now.Add(3*time.Hour), of("c")); err != nil || len(l.known) != 2 {
		t.Errorf("%v, remembers %d tokens, want a and c", err, len(l.known))
	}
}
