package storetest_test

import (
	"errors"
	"testing"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestTestsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	one, two := storetest.New(t), storetest.New(t)
	storetest.Cluster(t, one, "alpha")
	if _, err := two.Clusters.ByName(t.Context(), "alpha"); !errors.Is(err, statestore.ErrNotFound) {
		t.Errorf("the other schema's cluster: %v", err)
	}
	storetest.Cluster(t, two, "alpha")
}

func TestStoresOnOneURLShareADatabase(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	key := func(c *statestore.Config) { c.MasterKey = master }
	one, two := storetest.Open(t, url, key), storetest.Open(t, url, key)
	want := storetest.Cluster(t, one, "alpha")
	if got, err := two.Clusters.ByName(t.Context(), "alpha"); err != nil || got.ID != want.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

var master = statestore.GenerateMasterKey()

func TestNewTermFencesTheOneBefore(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	c := storetest.Cluster(t, s, "alpha")
	old := storetest.Term(t, s)
	if err := s.Clusters.SetState(t.Context(), old, c.ID, nil); err != nil {
		t.Fatal(err)
	}
	fresh := storetest.Term(t, s)
	if err := s.Clusters.SetState(t.Context(), old, c.ID, nil); !errors.Is(err, statestore.ErrFenced) {
		t.Errorf("old term: %v", err)
	}
	if err := s.Clusters.SetState(t.Context(), fresh, c.ID, nil); err != nil {
		t.Errorf("new term: %v", err)
	}
}
