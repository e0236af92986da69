// Package template is what a template of the provider azure holds, and what is
// wrong with one that Azure need not be asked about. It links no SDK.
package template

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/offering"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	cloudinit.Spec
	offering.Choice
	Provider string `json:"provider"`
	// Region in which nodes stand, such as westeurope.
	Region string `json:"region"`
	// Zones "1", "2", "3" over which nodes are spread; empty: Azure chooses, as in
	// regions that have none.
	Zones []string `json:"zones"`
	// Image is publisher:offer:sku:version, or the id of an image of one's own:
	// /subscriptions/…/images/NAME or /subscriptions/…/galleries/…/versions/VERSION.
	Image string `json:"image"`
	// Subnets is one, VNET/SUBNET in the nodes' resource group or an id.
	Subnets []string `json:"subnets"`
	// SecurityGroups is at most one, a name in the nodes' resource group or an id.
	SecurityGroups []string `json:"security_groups"`
	// PublicAddress gives nodes a public address, which ends with them.
	PublicAddress bool `json:"public_address"`
	// AddressPool is the name of a public IP prefix in the nodes' resource group: each
	// node has a public address out of its range, so that firewalls can list it.
	AddressPool string `json:"address_pool"`
	// Identity is the id of a user-assigned managed identity; empty: none.
	Identity string `json:"identity"`
	// SSHPublicKey may sign in as godwit-admin. Azure makes no machine without one.
	SSHPublicKey string `json:"ssh_public_key"`
	// RootGB is the size of the root disk; 0: the image's own.
	RootGB int `json:"root_gb"`
	// VolumeType of the disks; Premium_LRS if absent.
	VolumeType string `json:"volume_type"`
	// Tags are put on machines, interfaces and addresses, besides Godwit's own.
	Tags map[string]string `json:"tags"`
}

// Bounds of a spec: beyond them is a slip of the keyboard, or Azure refuses.
const (
	maxGB       = 4095 // of a disk to boot from
	maxTags     = 40   // Azure takes 50; ours are among them
	maxTagValue = 256
)

// Provider is what templates call it.
const Provider = "azure"

// TagPrefix of the tags by which Godwit knows its own.
const TagPrefix = "godwit-"

// Names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
var (
	region       = regexp.MustCompile(`^[a-z][a-z0-9]{2,30}$`)
	zone         = regexp.MustCompile(`^[1-9]$`)
	urn          = regexp.MustCompile(`^[A-Za-z0-9._-]+:[A-Za-z0-9._-]+:[A-Za-z0-9._-]+:[A-Za-z0-9._-]+$`)
	imageID      = regexp.MustCompile(`(?i)^/subscriptions/[^/ ]+/resourceGroups/[^/ ]+/providers/Microsoft\.Compute/(images/[^/ ]+|galleries/[^/ ]+/images/[^/ ]+(/versions/[^/ ]+)?)$`)
	instanceType = regexp.MustCompile(`^(Standard|Basic)_[A-Za-z0-9_-]+$`)
	subnetName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)
	subnetID     = regexp.MustCompile(`(?i)^/subscriptions/[^/ ]+/resourceGroups/[^/ ]+/providers/Microsoft\.Network/virtualNetworks/[^/ ]+/subnets/[^/ ]+$`)
	groupName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	groupID      = regexp.MustCompile(`(?i)^/subscriptions/[^/ ]+/resourceGroups/[^/ ]+/providers/Microsoft\.Network/networkSecurityGroups/[^/ ]+$`)
	identityID   = regexp.MustCompile(`(?i)^/subscriptions/[^/ ]+/resourceGroups/[^/ ]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/ ]+$`)
	publicKey    = regexp.MustCompile(`^(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/=]{40,}( [^\n]*)?$`)
	tagName      = regexp.MustCompile(`^[^<>%&\\?/\x00-\x1f]{1,256}$`)
	volumeTypes  = []string{"Premium_LRS", "StandardSSD_LRS", "Standard_LRS", "Premium_ZRS", "StandardSSD_ZRS"}
)

// Parse reads a spec strictly, for a misspelt cap would be a node without one,
// and fills its defaults in.
func Parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "an azure template"); faults != nil {
		return s, faults
	}
	if s.VolumeType == "" {
		s.VolumeType = "Premium_LRS"
	}
	var f provisioner.Faults
	s.check(&f)
	return s, append(f, s.Spec.Faults()...)
}

func (s Spec) check(f *provisioner.Faults) {
	f.Provider(s.Provider, Provider)
	if !region.MatchString(s.Region) {
		f.Add("region", "is %q; want one such as westeurope", s.Region)
	}
	f.Names("zones", s.Zones, provisioner.Names{Most: 3, Example: `"1"`}, zone.MatchString)
	if !urn.MatchString(s.Image) && !imageID.MatchString(s.Image) {
		f.Add("image", "is %q; want publisher:offer:sku:version, or the id of an image or of a gallery's", s.Image)
	}
	s.Choice.Check(f, "Standard_D4s_v5", instanceType.MatchString)
	f.Names("subnets", s.Subnets, provisioner.Names{Least: 1, Most: 1, Example: "network/nodes"}, subnetName.MatchString, subnetID.MatchString)
	f.Names("security_groups", s.SecurityGroups, provisioner.Names{Most: 1, Example: "nodes"}, groupName.MatchString, groupID.MatchString)
	if s.AddressPool != "" && !groupName.MatchString(s.AddressPool) {
		f.Add("address_pool", "is %q; want the name of a public IP prefix in the nodes' resource group", s.AddressPool)
	}
	if s.Identity != "" && !identityID.MatchString(s.Identity) {
		f.Add("identity", "is %q; want the id of a user-assigned identity, /subscriptions/…/userAssignedIdentities/NAME", s.Identity)
	}
	if !publicKey.MatchString(s.SSHPublicKey) {
		f.Add("ssh_public_key", "is %q; want a line such as ssh-ed25519 AAAA…: Azure makes no machine without", s.SSHPublicKey)
	}
	f.Between("root_gb", s.RootGB, 0, maxGB, "the image's own")
	f.OneOf("volume_type", s.VolumeType, volumeTypes...)
	s.checkTags(f)
}

func (s Spec) checkTags(f *provisioner.Faults) {
	if len(s.Tags) > maxTags {
		f.Add("tags", "are %d; want at most %d", len(s.Tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		switch field := "tags." + key; {
		case !tagName.MatchString(key):
			f.Add(field, `is no tag of Azure's: want 1 to 256 characters without < > %% & \ ? /`)
		case strings.HasPrefix(strings.ToLower(key), TagPrefix):
			f.Add(field, "begins with %s, which is Godwit's", TagPrefix)
		case len(s.Tags[key]) > maxTagValue:
			f.Add(field, "has %d bytes; want at most %d", len(s.Tags[key]), maxTagValue)
		}
	}
}

// SubnetID of the template, group being the id of the nodes' resource group.
func (s Spec) SubnetID(group string) string {
	if subnetID.MatchString(s.Subnets[0]) {
		return s.Subnets[0]
	}
	network, subnet, _ := strings.Cut(s.Subnets[0], "/")
	return group + "/providers/Microsoft.Network/virtualNetworks/" + network + "/subnets/" + subnet
}

// SecurityGroupID of the template; empty: none.
func (s Spec) SecurityGroupID(group string) string {
	if len(s.SecurityGroups) == 0 || groupID.MatchString(s.SecurityGroups[0]) {
		return strings.Join(s.SecurityGroups, "")
	}
	return group + "/providers/Microsoft.Network/networkSecurityGroups/" + s.SecurityGroups[0]
}

// Effect of a change of a field, for nodes that run: where nodes are put and how
// they are paid for matters while they are launched; the rest is what they are.
func Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "tags", "zones", "instance_types", "spot_percent", "spot_fallback", "public_address")
}
