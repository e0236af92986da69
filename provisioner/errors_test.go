package provisioner

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestErrorKeepsClassCauseAndAdvice(t *testing.T) {
	t.Parallel()
	cause := errors.New("RequestLimitExceeded")
	err := fmt.Errorf("node a: %w", &Error{
		Class: Throttled, Op: "launch", Subject: "eu-1a/c7g.large", RetryAfter: 3 * time.Second, Err: cause,
	})
	if !errors.Is(err, Throttled) || errors.Is(err, Capacity) {
		t.Errorf("class lost in %v", err)
	}
	if !errors.Is(err, cause) {
		t.Errorf("cause lost in %v", err)
	}
	if got := RetryAfter(err); got != 3*time.Second {
		t.Errorf("RetryAfter = %s, want 3s", got)
	}
	want := "node a: launch eu-1a/c7g.large: throttled: RequestLimitExceeded (retry after 3s)"
	if err.Error() != want {
		t.Errorf("text:\n got %s\nwant %s", err, want)
	}
}

func TestClassOfSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		err   error
		class Class
		again bool
	}{
		{"capacity may come back", &Error{Class: Capacity}, Capacity, true},
		{"quota may be raised", &Error{Class: Quota}, Quota, true},
		{"a bare class counts", fmt.Errorf("x: %w", NotFound), NotFound, false},
		{"an unknown failure is repeated", errors.New("EOF"), Transient, true},
		{"a wrong template stays wrong", &Error{Class: InvalidTemplate, Field: "image"}, InvalidTemplate, false},
		{"wrong credentials stay wrong", &Error{Class: Unauthorized}, Unauthorized, false},
		{"what can't be done can't be done later", &Error{Class: Unsupported}, Unsupported, false},
	} {
		if got := ClassOf(row.err); got != row.class {
			t.Errorf("%s: ClassOf = %q, want %q", row.name, got, row.class)
		}
		if got := Retryable(row.err); got != row.again {
			t.Errorf("%s: Retryable = %v", row.name, got)
		}
	}
	if ClassOf(nil) != "" {
		t.Error("nil has a class")
	}
	if Field(&Error{Class: InvalidTemplate, Field: "image"}) != "image" || Field(errors.New("x")) != "" {
		t.Error("Field does not name the field at fault")
	}
	if !Interrupted(fmt.Errorf("x: %w", context.DeadlineExceeded)) || Interrupted(Transient) {
		t.Error("Interrupted mistakes a cause")
	}
}

func TestRefusalSaysWhatCouldNotBeHadAndWhy(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Refusal{
		"c7i.large in eu-1a: no capacity (StockOut)":      {"c7i.large in eu-1a", Capacity, "StockOut: we have none, come back in a while"},
		"c7i.large in eu-1a: quota reached (16 of 16)":    {"c7i.large in eu-1a", Quota, "16 of 16"},
		"not to be had (z9 is in no zone: nor elsewhere)": {"", InvalidTemplate, "z9 is in no zone: nor elsewhere"},
		"throttled": {"", Throttled, ""},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	list := []Refusal{{"a", Capacity, "none"}}
	if got := Refused(fmt.Errorf("x: %w", &Error{Class: Capacity, Refused: list})); len(got) != 1 || Refused(errors.New("x")) != nil {
		t.Errorf("told %v", got)
	}
}

func TestOwnerSeesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	tag := Owner{Installation: "i", Cluster: "c"}
	for _, row := range []struct {
		owner Owner
		owns  bool
	}{
		{Owner{"i", "c"}, true}, {Owner{"i", ""}, true}, {Owner{"i", "d"}, false}, {Owner{"j", "c"}, false}, {Owner{"", ""}, false},
	} {
		if got := row.owner.Owns(tag); got != row.owns {
			t.Errorf("%+v owns %+v = %v", row.owner, tag, got)
		}
	}
}
