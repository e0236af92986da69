package statestore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestAuditNamesWhatIsThereAndWhatIsGone(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, ticking)
	kept := must(s.Templates.Create(t.Context(), statestore.Template{Name: "kept", Provider: "local", Spec: raw(`{}`)}))(t)
	key := must(s.AccessKeys.Create(t.Context(), statestore.AccessKey{ID: "ak_1", Name: "acme", Permissions: []string{"read"}}, statestore.Secret("x"), nil))(t)
	for _, e := range []statestore.AuditEntry{
		{Actor: "user:ada", Action: "create", Object: "template", ObjectID: kept.ID, After: raw(`{"name":"as it was"}`)},
		{Actor: "key:" + key.ID, Action: "create", Object: "transfer", ObjectID: "unnamed"},
		{Actor: "user:ada", Action: "create", Object: "cluster", ObjectID: "gone", After: raw(`{"name":"before"}`)},
		{Actor: "user:ada", Action: "delete", Object: "cluster", ObjectID: "gone", Before: raw(`{"name":"last"}`)},
		{Actor: "user:ada", Action: "update", Object: "policy", ObjectID: "gone", After: raw(`{"max_nodes":3}`)},
		{Actor: "user:ada", Action: "update", Object: "node", ObjectID: "renamed", Before: raw(`{"name":"old"}`), After: raw(`{"name":"new"}`)},
		{Actor: "user:ada", Action: "update", Object: "user", ObjectID: "nameless", After: raw(`{"role":"viewer"}`)},
	} {
		if err := s.Audit.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	l := must(s.Audit.List(t.Context(), statestore.AuditFilter{}, statestore.Page{}))(t).Items
	names := must(s.Audit.Names(t.Context(), l))(t)
	var got []string
	for _, e := range slices.Backward(l) {
		got = append(got, names.Actor(e)+"/"+names.Object(e))
	}
	wantEqual(t, strings.Join(got, " "), "/kept acme/ /last /last /last /new /")
}
