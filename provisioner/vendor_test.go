package provisioner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// shouting is a cloud of one error.
var errShouting = errors.New("sdk: ERROR 503 <THROTTLED>")

var shouting Vendor = func(err error) Answer {
	if errors.Is(err, errShouting) {
		return Answer{Class: Throttled, Text: "throttled, please", RetryAfter: 7 * time.Second, Field: "image"}
	}
	return Answer{Class: NotFound, Field: "subnets"}
}

func TestAFailureShowsTheCloudsWordsAndKeepsItsCause(t *testing.T) {
	t.Parallel()
	err := shouting.Failure("launch", "n", fmt.Errorf("wrapped: %w", errShouting))
	if err.Error() != "launch n: throttled: throttled, please (retry after 7s)" || !errors.Is(err, errShouting) || Field(err) != "" {
		t.Errorf("%v, field %q", err, Field(err))
	}
	if again := shouting.Failure("get", "m", fmt.Errorf("more: %w", err)); again.Error() != err.Error() {
		t.Errorf("classed twice: %v", again)
	}
	if err := shouting.Failure("get", "m", nil); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
	if err := shouting.Failure("get", "m", context.Canceled); !Interrupted(err) || ClassOf(err) != Transient {
		t.Errorf("the caller went: %v", err)
	}
}

func TestALaunchBlamesTheTemplateForWhatItDoesNotFind(t *testing.T) {
	t.Parallel()
	if err := shouting.Templated(errors.New("no such subnet")); !errors.Is(err, InvalidTemplate) || Field(err) != "subnets" {
		t.Errorf("%v", err)
	}
	if err := shouting.Templated(errShouting); !errors.Is(err, errShouting) || errors.Is(err, InvalidTemplate) {
		t.Errorf("blamed for %v", err)
	}
	if err := shouting.Templated(nil); err != nil {
		t.Errorf("blamed for nothing: %v", err)
	}
}

func TestAdviceIsBelievedWithinReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-3": 0, "9223372036854775807": time.Minute, "soon": 0, "61": time.Minute,
	} {
		if got := Advice(http.Header{"Retry-After": {text}}, time.Minute); got != want {
			t.Errorf("Retry-After %q: %s, want %s", text, got, want)
		}
	}
}

func TestTheFirstMentionNamesTheField(t *testing.T) {
	t.Parallel()
	list := []Mention{{"subnetwork", "subnets"}, {"network", "network_tags"}}
	for text, want := range map[string]string{"no such Subnetwork": "subnets", "NETWORK_NOT_FOUND": "network_tags", "else": ""} {
		if got := Mentioned(text, list); got != want {
			t.Errorf("%q blames %q, want %q", text, got, want)
		}
	}
}
