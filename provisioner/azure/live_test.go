package azure

import (
	"os"
	"testing"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/providertest"
)

// The contract in an account that somebody gives, by the SDK's own credentials.
func TestProviderLive(t *testing.T) {
	providertest.Live(t, "GODWIT_LIVE_AZURE", func(t *testing.T) provisioner.Provider {
		t.Helper()
		p, err := New(Config{
			Subscription: os.Getenv("GODWIT_LIVE_AZURE_SUBSCRIPTION"), ResourceGroup: os.Getenv("GODWIT_LIVE_AZURE_GROUP"), Cloud: os.Getenv("GODWIT_LIVE_AZURE_CLOUD"),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}, "GODWIT_LIVE_AZURE_SUBSCRIPTION", "GODWIT_LIVE_AZURE_GROUP")
}
