package gcesim

import (
	"slices"
	"strings"
)

// Project is the one project that there is.
const Project = "godwit-test"

// Region and its zones; Out has its other region.
const (
	Region = "europe-west1"
	Other  = "us-central1"
)

// Zones of each region.
var zones = map[string][]string{
	Region: {Region + "-b", Region + "-c", Region + "-d"},
	Other:  {Other + "-a"},
}

// Zones returns the zones of Region.
func Zones() []string { return slices.Clone(zones[Region]) }

// machineTypes and their processors. c3-standard-8 is not in every zone.
var machineTypes = map[string]int{"n2-standard-4": 4, "n2d-standard-4": 4, "c3-standard-8": 8}

func offered(zone, machineType string) bool {
	_, known := machineTypes[machineType]
	return known && (machineType != "c3-standard-8" || zone != Region+"-d")
}

// images by project; families name the newest of theirs.
var (
	images   = map[string][]string{Project: {"godwit-node-7"}, "debian-cloud": {"debian-12-bookworm-v20260915"}}
	families = map[string]map[string]string{
		Project:        {"godwit-node": "godwit-node-7"},
		"debian-cloud": {"debian-12": "debian-12-bookworm-v20260915"},
	}
	subnetworks = map[string][]string{Region: {"default", "nodes"}, Other: {"default"}}
	accounts    = []string{"nodes@" + Project + ".iam.gserviceaccount.com", "default"}
)

func regionOf(zone string) string {
	if i := strings.LastIndexByte(zone, '-'); i > 0 {
		return zone[:i]
	}
	return ""
}

func zoneExists(zone string) bool { return slices.Contains(zones[regionOf(zone)], zone) }

func imageExists(project, name string) bool { return slices.Contains(images[project], name) }

// last is what follows the last slash: the name in a URL of a resource.
func last(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// after is the segment that follows a collection's name in a URL.
func after(url, collection string) string {
	parts := strings.Split(url, "/")
	if i := slices.Index(parts, collection); i >= 0 && i+1 < len(parts) {
		return parts[i+1]
	}
	return ""
}

// sourceImage resolves the URL of an image or of a family.
func sourceImage(url string) (project, name string, ok bool) {
	project = Project
	if p := after(url, "projects"); p != "" {
		project = p
	}
	if family := after(url, "family"); family != "" {
		name = families[project][family]
		return project, name, name != ""
	}
	name = last(url)
	return project, name, imageExists(project, name)
}
