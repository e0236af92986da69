package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// collection is one question for parts without an instance.
type collection struct {
	owner provisioner.Owner
	age   time.Duration
}

// Collect implements provisioner.Collector.
func (c cloudOf) Collect(_ context.Context, owner provisioner.Owner, age time.Duration) ([]string, error) {
	c.simCloud.collections = append(c.simCloud.collections, collection{owner, age})
	return nil, nil
}

func TestPartsWithoutAnInstanceAreCollectedNowAndThen(t *testing.T) {
	t.Parallel()
	w := settled(t, 1)
	w.cloud.collections = nil
	w.pass(time.Hour)
	asked := w.cloud.collections
	if n := len(asked); n < 5 || n > 7 {
		t.Fatalf("asked %d times in an hour", n)
	}
	if asked[0].owner.Installation == "" || asked[0].owner.Cluster != "" || asked[0].age < 10*time.Minute {
		t.Errorf("asked for %+v", asked[0])
	}
}
