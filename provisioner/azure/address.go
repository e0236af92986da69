package azure

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
)

// outOfAddresses begins Azure's codes for a public IP prefix that has no more.
const outOfAddresses = "PublicIpPrefixOutOf"

// prefix reads the public IP prefix that the template names; an error that is
// missing says that there is none.
func (p *Provider) prefix(ctx context.Context, name string) (*armnetwork.PublicIPPrefix, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	answer, err := c.prefixes.Get(ctx, p.config.ResourceGroup, name, nil)
	return &answer.PublicIPPrefix, err
}

// room says how many addresses a prefix still has: all of its range can be had.
// "Public IP address prefix",
// https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-address-prefix.
func room(prefix *armnetwork.PublicIPPrefix) int {
	if prefix.Properties == nil {
		return 0
	}
	size := 1 << max(0, 32-value(prefix.Properties.PrefixLength))
	return size - len(prefix.Properties.PublicIPAddresses)
}

// pool says that the template's prefix has no address left, before anything is
// made. Azure itself sees to it that none is given twice.
func (a *asking) pool(ctx context.Context) error {
	if a.spec.AddressPool == "" {
		return nil
	}
	prefix, err := a.p.prefix(ctx, a.spec.AddressPool)
	switch {
	case missing(err):
		return &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Subject: a.request.NodeID, Field: "address_pool", Err: err}
	case err != nil:
		return err
	case room(prefix) <= 0:
		return a.exhausted()
	}
	return nil
}

func (a *asking) exhausted() error {
	return address.Exhausted(a.request.NodeID, a.spec.AddressPool, a.spec.Region)
}

// drained says that a creation failed because others took the prefix's last address.
func (a *asking) drained(err error) bool {
	return a.spec.AddressPool != "" && err != nil && strings.HasPrefix(cloud.Text(err), outOfAddresses)
}
