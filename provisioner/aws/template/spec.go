// Package template is what a template of the provider aws holds, and what is
// wrong with one that EC2 need not be asked about. It links no SDK.
package template

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/offering"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	cloudinit.Spec
	offering.Choice
	address.Pool

	Provider string `json:"provider"`
	// Region is one of the manager's; empty: its first.
	Region string `json:"region"`
	// Image is an id, ami-…; or else give image_name.
	Image string `json:"image"`
	// ImageName may hold * and ?: the newest image whose name fits is taken.
	ImageName string `json:"image_name"`
	// ImageOwner is whose images a name is looked for among: an account,
	// aws-marketplace, amazon or self, the default.
	ImageOwner string `json:"image_owner"`
	// Subnets over which nodes are spread, in one VPC.
	Subnets []string `json:"subnets"`
	// SecurityGroups are ids of the nodes' groups, in the subnets' VPC; one at least.
	SecurityGroups []string `json:"security_groups"`
	// PublicAddress gives nodes a public address, or none; absent: as the subnet
	// does. Nodes with an address of a pool have no other.
	PublicAddress *bool `json:"public_address"`
	// InstanceProfile is the name or ARN of the nodes' own rights; empty: none.
	InstanceProfile string `json:"instance_profile"`
	// KeyName of an SSH key pair; empty: none.
	KeyName string `json:"key_name"`
	// RootGB is the size of the root volume; 0: the image's own.
	RootGB int `json:"root_gb"`
	// VolumeType of both; gp3 if absent.
	VolumeType string `json:"volume_type"`
	// Encrypted encrypts both volumes; false: as the account's default says.
	Encrypted bool `json:"encrypted"`
	// Tags are put on instances, volumes and interfaces, besides Godwit's own.
	Tags map[string]string `json:"tags"`
}

// Bounds of a spec: beyond them is a slip of the keyboard, or EC2 refuses.
const (
	maxSubnets  = 16
	maxGroups   = 16        // of an interface, by EC2's largest quota
	maxGB       = 16 * 1024 // of a gp3 volume
	maxTags     = 40        // EC2 takes 50; ours are among them
	maxTagKey   = 127
	maxTagValue = 255
)

var (
	imageID      = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)
	imageOwner   = regexp.MustCompile(`^(self|amazon|aws-marketplace|[0-9]{12})$`)
	subnetID     = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	groupID      = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	instanceType = regexp.MustCompile(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)
	allocationID = regexp.MustCompile(`^eipalloc-[0-9a-f]{8,17}$`)
	volumeTypes  = []string{"gp3", "gp2", "io1", "io2", "standard"}
)

// Provider is what templates call it.
const Provider = "aws"

// TagPrefix of the tags by which Godwit knows its own.
const TagPrefix = "godwit:"

// Parse reads a spec strictly, for a misspelt cap would be a node without one,
// and fills its defaults in. regions are the manager's, the first the default.
func Parse(raw json.RawMessage, regions []string) (Spec, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "an aws template"); faults != nil {
		return s, faults
	}
	if s.Region == "" {
		s.Region = regions[0]
	}
	if s.ImageName != "" && s.ImageOwner == "" {
		s.ImageOwner = "self"
	}
	if s.VolumeType == "" {
		s.VolumeType = "gp3"
	}
	s.Spec = s.WithDefaults()
	f := s.Faults()
	if !slices.Contains(regions, s.Region) {
		f.Add("region", "is %q; this manager launches in %s (--aws-regions)", s.Region, strings.Join(regions, ", "))
	}
	s.check(&f)
	return s, f
}

func (s Spec) check(f *provisioner.Faults) {
	f.Provider(s.Provider, Provider)
	s.checkImage(f)
	s.Choice.Check(f, "c7gn.large", instanceType.MatchString)
	f.Names("subnets", s.Subnets, provisioner.Names{Least: 1, Most: maxSubnets, Example: "subnet-0123456789abcdef0"}, subnetID.MatchString)
	f.Names("security_groups", s.SecurityGroups, provisioner.Names{Least: 1, Most: maxGroups, Example: "sg-0123456789abcdef0"}, groupID.MatchString)
	s.Pool.Check(f, "eipalloc-0123456789abcdef0", allocationID.MatchString)
	if s.Pool.Given() && s.PublicAddress != nil && !*s.PublicAddress {
		f.Add("public_address", "is false beside a pool of public addresses: one of them must go")
	}
	f.Between("root_gb", s.RootGB, 0, maxGB, "the image's own")
	f.OneOf("volume_type", s.VolumeType, volumeTypes...)
	s.checkTags(f)
}

func (s Spec) checkImage(f *provisioner.Faults) {
	switch {
	case s.Image == "" && s.ImageName == "":
		f.Add("image", "is missing: give the id of an image, or image_name")
	case s.Image != "" && s.ImageName != "":
		f.Add("image_name", "is given beside image: one of them must go")
	case s.Image != "" && !imageID.MatchString(s.Image):
		f.Add("image", "is %q; want an id such as ami-0123456789abcdef0", s.Image)
	case s.Image != "" && s.ImageOwner != "":
		f.Add("image_owner", "goes with image_name; an id has one owner anyway")
	case s.ImageName != "" && !imageOwner.MatchString(s.ImageOwner):
		f.Add("image_owner", "is %q; want an account of 12 digits, self, amazon or aws-marketplace", s.ImageOwner)
	}
}

func (s Spec) checkTags(f *provisioner.Faults) {
	if len(s.Tags) > maxTags {
		f.Add("tags", "are %d; want at most %d", len(s.Tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		value := s.Tags[key]
		switch field := "tags." + key; {
		case key == "" || len(key) > maxTagKey:
			f.Add(field, "has a name of %d bytes; want 1 to %d", len(key), maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"), strings.HasPrefix(key, TagPrefix):
			f.Add(field, "begins with a reserved word: aws: is Amazon's, %s is Godwit's", TagPrefix)
		case len(value) > maxTagValue:
			f.Add(field, "has %d bytes; want at most %d", len(value), maxTagValue)
		}
	}
}

// Effect of a change of a field, for nodes that run: where nodes are put and how
// they are paid for matters while they are launched; the rest is what they are.
func Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "tags", "subnets", "instance_types", "spot_percent", "spot_fallback", "public_address")
}
