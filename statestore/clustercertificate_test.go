package statestore_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestUploadedCertificateIsVersionedAndItsKeySealed(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	s := storetest.Open(t, url)
	c := storetest.Cluster(t, s, "alpha")
	table := s.ClusterCertificates
	none := must(table.Get(ctx, c.ID))(t)
	if none.Version != 0 || none.Chain != "" {
		t.Fatalf("of nothing: %+v", none)
	}
	first := must(table.Put(ctx, c.ID, 0, "chain 1", statestore.Secret("key 1"), "ada"))(t)
	for _, base := range []int64{0, 2} {
		if _, err := table.Put(ctx, c.ID, base, "chain x", statestore.Secret("key x"), "bob"); !errors.Is(err, statestore.ErrStale) {
			t.Errorf("from version %d: %v", base, err)
		}
	}
	if key := must(table.Key(ctx, c.ID, 1))(t); string(key) != "key 1" || first.Version != 1 || first.Author != "ada" {
		t.Errorf("%+v with key %d bytes", first, len(key))
	}
	conn := must(pgx.Connect(ctx, url))(t)
	defer conn.Close(context.WithoutCancel(ctx))
	var stored []byte
	if err := conn.QueryRow(ctx, `SELECT key FROM cluster_certificates`).Scan(&stored); err != nil || bytes.Contains(stored, []byte("key 1")) {
		t.Errorf("the key can be read in the database: %v", err)
	}
	must(table.Put(ctx, c.ID, 1, "chain 2", statestore.Secret("key 2"), "bob"))(t)
	if _, err := table.Key(ctx, c.ID, 1); !errors.Is(err, statestore.ErrNotFound) {
		t.Errorf("key of a version that is over: %v", err)
	}
	if all := must(table.All(ctx))(t); len(all) != 1 || all[0].Chain != "chain 2" {
		t.Errorf("all: %+v", all)
	}
	gone := must(table.Remove(ctx, c.ID, 2, "ada"))(t)
	if all := must(table.All(ctx))(t); gone.Version != 3 || len(all) != 0 {
		t.Errorf("taken away: %+v, %+v", gone, all)
	}
	if again := must(table.Put(ctx, c.ID, 3, "chain 4", statestore.Secret("key 4"), "ada"))(t); again.Version != 4 {
		t.Errorf("versions begin anew: %+v", again)
	}
}
