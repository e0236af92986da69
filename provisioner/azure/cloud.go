package azure

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azurecloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// cloudOf is a cloud by Config's name, or by the address of its Resource Manager.
func cloudOf(name string) (azurecloud.Configuration, error) {
	switch name {
	case "", "public":
		return azurecloud.AzurePublic, nil
	case "government":
		return azurecloud.AzureGovernment, nil
	case "china":
		return azurecloud.AzureChina, nil
	}
	at, err := url.Parse(name)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil || at.RawQuery != "" {
		return azurecloud.Configuration{}, fmt.Errorf("%q is no cloud of Azure: public, government, china, or the https address of a Resource Manager", name)
	}
	address := strings.TrimSuffix(name, "/")
	return azurecloud.Configuration{Services: map[azurecloud.ServiceName]azurecloud.ServiceConfiguration{
		azurecloud.ResourceManager: {Endpoint: address, Audience: address},
	}}, nil
}

// credentialFor is the SDK's default chain, for a cloud by name. Where that does
// not say who issues tokens, AZURE_AUTHORITY_HOST does; that of a private cloud is
// its own, and Microsoft's is not asked whether it knows it.
func credentialFor(name string) (azcore.TokenCredential, error) {
	place, err := cloudOf(name)
	if err != nil {
		return nil, err
	}
	private := place.ActiveDirectoryAuthorityHost == ""
	if private || name == "" || name == "public" {
		place = azurecloud.Configuration{}
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: policy.ClientOptions{Cloud: place}, DisableInstanceDiscovery: private,
	})
}
