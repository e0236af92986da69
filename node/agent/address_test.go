package agent

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/godwit/godwit/identity/join"
)

func TestNodeTellsTheAddressOnItsWayToTheManager(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		b    join.Bootstrap
		want []string
	}{
		{"by route", join.Bootstrap{Advertise: "private", ManagerURLs: []string{"https://127.0.0.1:1"}}, []string{"127.0.0.1"}},
		{"public where there is none", join.Bootstrap{Advertise: "public", ManagerURLs: []string{"https://127.0.0.1:1"}}, []string{"127.0.0.1"}},
		{"a manager without a way to it is passed over", join.Bootstrap{Advertise: "public", ManagerURLs: []string{"https://:::", "https://127.0.0.1"}}, []string{"127.0.0.1"}},
		{"what it was told goes before", join.Bootstrap{Advertise: "public", AdvertiseHost: "n1.example.org"}, []string{"n1.example.org"}},
		{"where it listens, too", join.Bootstrap{Advertise: "public", ListenHost: "192.0.2.3"}, []string{"192.0.2.3"}},
	} {
		a := &Agent{Config: Config{Bootstrap: row.b}, log: slog.New(slog.DiscardHandler)}
		if got := a.addresses(t.Context()); !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
