// Package clouds opens the providers of the clouds that a manager is told of.
// It alone links their SDKs into the manager, so that the manager's other parts
// are built and tested without.
package clouds

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws"
	"github.com/godwit/godwit/provisioner/azure"
	"github.com/godwit/godwit/provisioner/gcp"
)

// gcpEndpoint names a simulator in place of Google, to which no credentials are
// sent: for tests of the manager as it is shipped. Google's SDK has no variable of
// its own for this.
const gcpEndpoint = "GODWIT_TEST_GCP_ENDPOINT"

// Config says which clouds there are. The zero value: none.
type Config struct {
	// AWSRegions turn the provider aws on.
	AWSRegions []string
	// AWSRole is assumed, with AWSExternalID where its trust asks for one.
	AWSRole, AWSExternalID string
	// GCPProject turns the provider gcp on.
	GCPProject string
	// AzureSubscription and AzureResourceGroup turn the provider azure on.
	AzureSubscription, AzureResourceGroup string
	// AzureCloud is which of Azure's clouds; public if empty.
	AzureCloud string
	// Publish are zones in which names are published; see publishHelp.
	Publish []string
}

// Flags adds what a command line can say.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.StringSliceVar(&c.AWSRegions, "aws-regions", nil, "regions in which the provider aws launches, the first for templates that name none; without it there is no such provider. Credentials are found as every AWS tool finds them")
	f.StringVar(&c.AWSRole, "aws-role", "", "ARN of a role to assume for the provider aws")
	f.StringVar(&c.AWSExternalID, "aws-external-id", "", "external id for --aws-role, where its trust policy wants one")
	f.StringVar(&c.GCPProject, "gcp-project", "", "project in which the provider gcp launches; without it there is no such provider. Credentials are Google's application default ones")
	f.StringArrayVar(&c.Publish, "dns-publish", nil, publishHelp)
	f.StringVar(&c.AzureSubscription, "azure-subscription", "", "subscription in which the provider azure launches, with --azure-resource-group; without it there is no such provider. Credentials are found as every Azure tool finds them")
	f.StringVar(&c.AzureResourceGroup, "azure-resource-group", "", "resource group, of nodes alone, in which the provider azure launches")
	f.StringVar(&c.AzureCloud, "azure-cloud", "public", "which of Azure's clouds: public, government, china, or the https address of the Resource Manager of a private one, whose issuer of tokens is AZURE_AUTHORITY_HOST")
}

// Open makes the providers, by the names that templates use. It calls no cloud:
// credentials that do not work show when a template is checked, and as the
// condition credentials_failing.
func Open(ctx context.Context, c Config, log *slog.Logger) (map[string]provisioner.Provider, error) {
	all := map[string]provisioner.Provider{}
	if len(c.AWSRegions) > 0 {
		p, err := aws.New(ctx, aws.Config{Regions: c.AWSRegions, Role: c.AWSRole, ExternalID: c.AWSExternalID, Log: log})
		if err != nil {
			return nil, err
		}
		all[aws.Name] = p
	}
	if c.GCPProject != "" {
		p, err := gcp.New(gcp.Config{Project: c.GCPProject, Endpoint: os.Getenv(gcpEndpoint), Log: log})
		if err != nil {
			return nil, err
		}
		all[gcp.Name] = p
	}
	if c.AzureSubscription != "" || c.AzureResourceGroup != "" {
		p, err := azure.New(azure.Config{Subscription: c.AzureSubscription, ResourceGroup: c.AzureResourceGroup, Cloud: c.AzureCloud, Log: log})
		if err != nil {
			return nil, err
		}
		all[azure.Name] = p
	}
	return all, nil
}
