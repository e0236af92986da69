package aws

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// Tags by which Godwit knows its own. The IAM policy in deploy/aws names the
// first.
const (
	tagInstallation = template.TagPrefix + "installation"
	tagCluster      = template.TagPrefix + "cluster"
	tagNode         = template.TagPrefix + "node"
	tagToken        = template.TagPrefix + "token"
	tagName         = "Name"
)

// tags of everything that one launch makes; those of the owner win.
func tags(request provisioner.LaunchRequest, s template.Spec) []types.Tag {
	all := map[string]string{tagName: request.NodeName}
	maps.Copy(all, s.Tags)
	maps.Copy(all, request.Tags)
	maps.Copy(all, map[string]string{
		tagInstallation: request.Owner.Installation, tagCluster: request.Owner.Cluster,
		tagNode: request.NodeID, tagToken: request.ClientToken,
	})
	if s.Pool.Given() {
		all[tagPool] = cmp.Or(s.AddressPool, "listed")
	}
	list := make([]types.Tag, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, types.Tag{Key: awssdk.String(key), Value: awssdk.String(all[key])})
	}
	return list
}

// fromTags reads back what tags wrote.
func fromTags(list []types.Tag, instance *provisioner.Instance) {
	instance.Tags = map[string]string{}
	for _, tag := range list {
		key, value := awssdk.ToString(tag.Key), awssdk.ToString(tag.Value)
		switch key {
		case tagInstallation:
			instance.Owner.Installation = value
		case tagCluster:
			instance.Owner.Cluster = value
		case tagNode:
			instance.NodeID = value
		case tagToken:
			instance.ClientToken = value
		case tagPool:
			instance.Unfinished = true // until an address is seen
		default:
			if !strings.HasPrefix(key, "aws:") {
				instance.Tags[key] = value
			}
		}
	}
}
