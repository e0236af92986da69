package provisioner

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachAnswersInOrderAndAsksForSoManyAtOnce(t *testing.T) {
	t.Parallel()
	// Two are inside together, or this never ends; a third would find no room.
	inside, second := make(chan string, 2), make(chan struct{})
	var asked atomic.Int32
	results := Each([]string{"a", "b", "c", "d"}, 2, func(id string) error {
		select {
		case inside <- id:
		default:
			t.Error("three at once")
		}
		if asked.Add(1) == 2 {
			close(second)
		}
		<-second
		<-inside
		return errors.New(id)
	})
	for i, id := range []string{"a", "b", "c", "d"} {
		if results[i].ID != id || results[i].Err.Error() != id {
			t.Errorf("result %d is %+v", i, results[i])
		}
	}
	if got := Each(nil, 0, nil); len(got) != 0 {
		t.Errorf("nothing asked, %v answered", got)
	}
}

func TestARequestSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	whole := LaunchRequest{ClientToken: "t", NodeID: "n", Owner: Owner{Installation: "i"}}
	if err := whole.Check(); err != nil {
		t.Error(err)
	}
	for _, r := range []LaunchRequest{{NodeID: "n", Owner: whole.Owner}, {ClientToken: "t", Owner: whole.Owner}, {ClientToken: "t", NodeID: "n"}} {
		if err := r.Check(); !errors.Is(err, InvalidTemplate) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	err := whole.Blame([]FieldError{{"image", "is missing"}, {"region", "is unknown"}})
	if whole.Blame(nil) != nil || Field(err) != "image" || err.Error() != "launch n: invalid template (image): is missing" {
		t.Errorf("%v", err)
	}
}

func TestAListIsInOrderAndNamesEachOnce(t *testing.T) {
	t.Parallel()
	list := InOrder([]Instance{{ID: "b"}, {ID: "a"}, {ID: "b"}})
	if !slices.EqualFunc(list, []string{"a", "b"}, func(i Instance, id string) bool { return i.ID == id }) {
		t.Errorf("%v", list)
	}
}

// budget answers every wait alike.
type budget struct{ err error }

func (b budget) Wait(context.Context) error { return b.err }

func TestATurnThatWouldComeTooLateIsThrottled(t *testing.T) {
	t.Parallel()
	late := errors.New("would exceed the deadline")
	if err := Turn(t.Context(), budget{}, time.Second); err != nil {
		t.Error(err)
	}
	if err := Turn(t.Context(), budget{late}, time.Second); !errors.Is(err, Throttled) || RetryAfter(err) != time.Second {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Turn(ended, budget{late}, time.Second); !errors.Is(err, context.Canceled) || errors.Is(err, Throttled) {
		t.Errorf("the caller went: %v", err)
	}
}
