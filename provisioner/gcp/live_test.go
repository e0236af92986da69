package gcp

import (
	"os"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

// The contract in an account that somebody gives, by the SDK's own credentials.
func TestProviderLive(t *testing.T) {
	providertest.Live(t, "GODWIT_LIVE_GCP", func(t *testing.T) provisioner.Provider {
		t.Helper()
		p, err := New(Config{Project: os.Getenv("GODWIT_LIVE_GCP_PROJECT")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}, "GODWIT_LIVE_GCP_PROJECT")
}
