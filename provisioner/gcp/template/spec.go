// Package template is what a template of the provider gcp holds, and what is
// wrong with one that Google need not be asked about. It links no SDK.
package template

import (
	"encoding/json"
	"fmt"
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
	// Region in which nodes stand, such as europe-west1.
	Region string `json:"region"`
	// Zones of the region over which nodes are spread; empty: all of them.
	Zones []string `json:"zones"`
	// Image is a name; or else give image_family.
	Image string `json:"image"`
	// ImageFamily: its newest image is taken.
	ImageFamily string `json:"image_family"`
	// ImageProject has the image; empty: the nodes' own project.
	ImageProject string `json:"image_project"`
	// Subnets is the subnetwork of the region: a name, or projects/P/regions/R/subnetworks/S
	// of a shared network. At most one, since subnetworks span zones; empty: "default".
	Subnets []string `json:"subnets"`
	// NetworkTags by which firewall rules know the nodes.
	NetworkTags []string `json:"network_tags"`
	// PublicAddress gives nodes a public address, which ends with them. Nodes with an
	// address of a pool have that.
	PublicAddress bool `json:"public_address"`
	// ServiceAccount is the address of the nodes' own rights; empty: none.
	ServiceAccount string `json:"service_account"`
	// RootGB is the size of the root disk; 0: the image's own.
	RootGB int `json:"root_gb"`
	// VolumeType of the disks; pd-balanced if absent.
	VolumeType string `json:"volume_type"`
	// Tags are put on instances, besides Godwit's own; Google calls them labels.
	Tags map[string]string `json:"tags"`
}

// Bounds of a spec: beyond them is a slip of the keyboard, or Google refuses.
const (
	maxZones = 16
	maxGB    = 64 << 10 // of a persistent disk
	minGB    = 10
	maxTags  = 40 // Google takes 64; ours are among them
	maxMarks = 64 // network tags of an instance
)

// Provider is what templates call it.
const Provider = "gcp"

// LabelPrefix of the labels by which Godwit knows its own.
const LabelPrefix = "godwit-"

// Forms of names: https://cloud.google.com/compute/docs/naming-resources and
// https://cloud.google.com/compute/docs/labeling-resources.
var (
	// Name of an instance, a subnetwork, a machine type.
	Name       = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	regionName = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	// Zone is a zone's.
	Zone = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z]$`)
	// Project is a project's id.
	Project   = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$`)
	sharedNet = regexp.MustCompile(`^projects/[a-z0-9.:-]+/regions/([a-z0-9-]+)/subnetworks/[a-z][-a-z0-9]*$`)
	account   = regexp.MustCompile(`^(default|[^@ ]+@[a-z0-9.-]+)$`)
	// LabelKey and LabelValue of a label.
	LabelKey    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	LabelValue  = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	volumeTypes = []string{"pd-balanced", "pd-ssd", "pd-standard", "pd-extreme", "hyperdisk-balanced"}
)

// Parse reads a spec strictly, for a misspelt cap would be a node without one,
// and fills its defaults in.
func Parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "a gcp template"); faults != nil {
		return s, faults
	}
	if len(s.Subnets) == 0 {
		s.Subnets = []string{"default"}
	}
	if s.VolumeType == "" {
		s.VolumeType = "pd-balanced"
	}
	var f provisioner.Faults
	s.check(&f)
	return s, append(f, s.Spec.Faults()...)
}

func (s Spec) check(f *provisioner.Faults) {
	f.Provider(s.Provider, Provider)
	if !regionName.MatchString(s.Region) {
		f.Add("region", "is %q; want one such as europe-west1", s.Region)
	}
	f.Names("zones", s.Zones, provisioner.Names{Most: maxZones, Example: s.Region + "-b"}, Zone.MatchString)
	for i, zone := range s.Zones {
		if Zone.MatchString(zone) && regionOf(zone) != s.Region {
			f.Add(fmt.Sprintf("zones[%d]", i), "is %q, which is not in region %s", zone, s.Region)
		}
	}
	s.checkImage(f)
	s.Choice.Check(f, "n2-standard-4", Name.MatchString)
	s.checkSubnets(f)
	s.Pool.Check(f, "node-address-1", Name.MatchString)
	f.Names("network_tags", s.NetworkTags, provisioner.Names{Most: maxMarks, Example: "godwit-node"}, Name.MatchString)
	if s.ServiceAccount != "" && !account.MatchString(s.ServiceAccount) {
		f.Add("service_account", "is %q; want an address such as nodes@project.iam.gserviceaccount.com", s.ServiceAccount)
	}
	f.Between("root_gb", s.RootGB, minGB, maxGB, "the image's own")
	if s.SwapVolumeGB != 0 && s.SwapVolumeGB < minGB {
		f.Add("swap_volume_gb", "is %d; want 0 (none), or %d and more", s.SwapVolumeGB, minGB)
	}
	f.OneOf("volume_type", s.VolumeType, volumeTypes...)
	s.checkTags(f)
}

func (s Spec) checkImage(f *provisioner.Faults) {
	switch {
	case s.Image == "" && s.ImageFamily == "":
		f.Add("image", "is missing: give the name of an image, or image_family")
	case s.Image != "" && s.ImageFamily != "":
		f.Add("image_family", "is given beside image: one of them must go")
	case s.Image != "" && !Name.MatchString(s.Image):
		f.Add("image", "is %q; want a name such as godwit-node-7, its project in image_project", s.Image)
	case s.ImageFamily != "" && !Name.MatchString(s.ImageFamily):
		f.Add("image_family", "is %q; want a name such as debian-12, its project in image_project", s.ImageFamily)
	}
	if s.ImageProject != "" && !Project.MatchString(s.ImageProject) {
		f.Add("image_project", "is %q; want the id of a project such as debian-cloud", s.ImageProject)
	}
}

func (s Spec) checkSubnets(f *provisioner.Faults) {
	if len(s.Subnets) > 1 {
		f.Add("subnets", "has %d entries; a subnetwork spans all zones of its region: want one", len(s.Subnets))
	}
	for i, subnet := range s.Subnets {
		field := fmt.Sprintf("subnets[%d]", i)
		shared := sharedNet.FindStringSubmatch(subnet)
		switch {
		case shared != nil && shared[1] != s.Region:
			f.Add(field, "is in region %s, not in %s", shared[1], s.Region)
		case shared == nil && !Name.MatchString(subnet):
			f.Add(field, "is %q; want a name such as default, or projects/P/regions/R/subnetworks/S", subnet)
		}
	}
}

func (s Spec) checkTags(f *provisioner.Faults) {
	if len(s.Tags) > maxTags {
		f.Add("tags", "are %d; want at most %d", len(s.Tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		switch field := "tags." + key; {
		case !LabelKey.MatchString(key):
			f.Add(field, "is no label of Google's: want a lower-case letter, then at most 62 of them, digits, - and _")
		case strings.HasPrefix(key, LabelPrefix):
			f.Add(field, "begins with %s, which is Godwit's", LabelPrefix)
		case !LabelValue.MatchString(s.Tags[key]):
			f.Add(field, "is %q; want at most 63 lower-case letters, digits, - and _", s.Tags[key])
		}
	}
}

// ImageURL is the image or family, as an insert takes it.
func (s Spec) ImageURL(project string) string {
	if s.ImageProject != "" {
		project = s.ImageProject
	}
	if s.ImageFamily != "" {
		return "projects/" + project + "/global/images/family/" + s.ImageFamily
	}
	return "projects/" + project + "/global/images/" + s.Image
}

// SubnetURL is the subnetwork, as an insert takes it.
func (s Spec) SubnetURL() string {
	subnet := s.Subnets[0]
	if strings.Contains(subnet, "/") {
		return subnet
	}
	return "regions/" + s.Region + "/subnetworks/" + subnet
}

func regionOf(zone string) string {
	if i := strings.LastIndexByte(zone, '-'); i > 0 {
		return zone[:i]
	}
	return ""
}

// Effect of a change of a field, for nodes that run: where nodes are put and how
// they are paid for matters while they are launched; the rest is what they are.
func Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "tags", "zones", "instance_types", "spot_percent", "spot_fallback", "public_address")
}
