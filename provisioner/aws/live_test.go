package aws

import (
	"os"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

// The contract in an account that somebody gives, by the SDK's own credentials.
func TestProviderLive(t *testing.T) {
	providertest.Live(t, "GODWIT_LIVE_AWS", func(t *testing.T) provisioner.Provider {
		t.Helper()
		p, err := New(t.Context(), Config{Regions: strings.Split(os.Getenv("GODWIT_LIVE_AWS_REGIONS"), ",")})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}, "GODWIT_LIVE_AWS_REGIONS")
}
