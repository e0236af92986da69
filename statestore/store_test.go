package statestore_test

import (
	"testing"

	"github.com/godwit/godwit/statestore/storetest"
)

func TestStoreAnswers(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}
