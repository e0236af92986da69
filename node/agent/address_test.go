package agent

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/node/metadata"
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

// A public address that is to come is waited for, since clients are told what the node says when it joins; but not for ever.
func TestNodeWaitsForThePublicAddressThatIsToCome(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name                 string
		b                    join.Bootstrap
		fails, without       int // answers before the one that is whole
		want                 string
		atLeast, withinAbout time.Duration
	}{
		{"there at once", join.Bootstrap{Advertise: "public", PublicLater: true}, 0, 0, "192.0.2.1", 0, time.Second},
		{"there after a while", join.Bootstrap{Advertise: "public", PublicLater: true}, 3, 30, "192.0.2.1", time.Minute, 70 * time.Second},
		{"never there", join.Bootstrap{Advertise: "public", PublicLater: true}, 0, 1000, "", lateFor, lateFor + 5*time.Second},
		{"nobody is told of it", join.Bootstrap{Advertise: "private", PublicLater: true}, 0, 1000, "", 0, time.Second},
		{"none is to come", join.Bootstrap{Advertise: "public"}, 0, 1000, "", 0, time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &Agent{Config: Config{Bootstrap: row.b}, log: slog.New(slog.DiscardHandler)}
				asked, start := 0, time.Now()
				got := a.askMetadata(t.Context(), func() (metadata.Addresses, error) {
					switch asked++; {
					case asked <= row.fails:
						return metadata.Addresses{}, errors.New("no route to host")
					case asked <= row.fails+row.without:
						return metadata.Addresses{Private: "10.0.0.1"}, nil
					}
					return metadata.Addresses{Public: "192.0.2.1", Private: "10.0.0.1"}, nil
				})
				took := time.Since(start)
				if got.Public != row.want || got.Private != "10.0.0.1" || took < row.atLeast || took > row.withinAbout {
					t.Errorf("%+v after %s, want %q after %s to %s", got, took, row.want, row.atLeast, row.withinAbout)
				}
			})
		})
	}
}
