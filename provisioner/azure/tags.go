package azure

import (
	"maps"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/template"
)

// Tags by which machines, interfaces and addresses are known.
const (
	tagInstallation = template.TagPrefix + "installation"
	tagCluster      = template.TagPrefix + "cluster"
	tagNode         = template.TagPrefix + "node"
	tagToken        = template.TagPrefix + "token"
	tagMade         = template.TagPrefix + "made"
)

func flat(tags map[string]*string) map[string]string {
	out := map[string]string{}
	for key, text := range tags {
		out[key] = value(text)
	}
	return out
}

func ours(tags map[string]*string) bool { return value(tags[tagInstallation]) != "" }

func ownerOf(tags map[string]*string) provisioner.Owner {
	return provisioner.Owner{Installation: value(tags[tagInstallation]), Cluster: value(tags[tagCluster])}
}

// tagsFor are those of everything that one launch makes.
func tagsFor(request provisioner.LaunchRequest, s template.Spec, now time.Time) map[string]*string {
	all := maps.Clone(s.Tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, request.Tags)
	maps.Copy(all, map[string]string{
		tagInstallation: request.Owner.Installation, tagCluster: request.Owner.Cluster, tagNode: request.NodeID,
		tagToken: request.ClientToken, tagMade: now.UTC().Format(time.RFC3339Nano),
	})
	out := map[string]*string{}
	for key, text := range all {
		out[key] = &text
	}
	return out
}
