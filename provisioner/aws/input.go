package aws

import (
	"encoding/base64"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner/offering"
)

// swapDevice is the name under which the volume for swap is attached; the
// machine finds it by its size.
const swapDevice = "/dev/sdf"

// input is the request for one offering: equal for equal launches.
func (a *asking) input(o offering.Offering) *ec2.RunInstancesInput {
	s, all := a.spec, tags(a.request, a.spec)
	public := s.PublicAddress
	if s.Pool.Given() {
		public = awssdk.Bool(false) // nobody is to see it by an address that no firewall lists
	}
	in := &ec2.RunInstancesInput{
		MinCount: awssdk.Int32(1), MaxCount: awssdk.Int32(1),
		ClientToken:  awssdk.String(tokenFor(a.request, o)),
		ImageId:      a.image.ImageId,
		InstanceType: types.InstanceType(o.Type),
		UserData:     awssdk.String(base64.StdEncoding.EncodeToString(a.data)),
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: awssdk.Int32(0), SubnetId: awssdk.String(o.Zone), Groups: s.SecurityGroups,
			AssociatePublicIpAddress: public, DeleteOnTermination: awssdk.Bool(true),
		}},
		BlockDeviceMappings: a.volumes(),
		// Tokens keep what runs on the node, and whom it forwards for, from reading
		// its user data by accident (IMDSv2).
		MetadataOptions: &types.InstanceMetadataOptionsRequest{
			HttpEndpoint: types.InstanceMetadataEndpointStateEnabled, HttpTokens: types.HttpTokensStateRequired,
			HttpPutResponseHopLimit: awssdk.Int32(1),
		},
		// Who shuts down from within is gone: nothing that costs is left.
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
	}
	kinds := []types.ResourceType{types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeNetworkInterface}
	if o.Spot {
		kinds = append(kinds, types.ResourceTypeSpotInstancesRequest)
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{
			MarketType: types.MarketTypeSpot,
			SpotOptions: &types.SpotMarketOptions{
				SpotInstanceType: types.SpotInstanceTypeOneTime, InstanceInterruptionBehavior: types.InstanceInterruptionBehaviorTerminate,
			},
		}
	}
	for _, kind := range kinds {
		in.TagSpecifications = append(in.TagSpecifications, types.TagSpecification{ResourceType: kind, Tags: all})
	}
	switch {
	case strings.HasPrefix(s.InstanceProfile, "arn:"):
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: awssdk.String(s.InstanceProfile)}
	case s.InstanceProfile != "":
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: awssdk.String(s.InstanceProfile)}
	}
	if s.KeyName != "" {
		in.KeyName = awssdk.String(s.KeyName)
	}
	return in
}

// volumes are the root's, which always ends with its instance, and swap's.
func (a *asking) volumes() []types.BlockDeviceMapping {
	s := a.spec
	volume := func(device string, gb int) types.BlockDeviceMapping {
		disk := &types.EbsBlockDevice{DeleteOnTermination: awssdk.Bool(true), VolumeType: types.VolumeType(s.VolumeType)}
		if gb > 0 {
			disk.VolumeSize = awssdk.Int32(int32(gb))
		}
		if s.Encrypted {
			disk.Encrypted = awssdk.Bool(true)
		}
		return types.BlockDeviceMapping{DeviceName: awssdk.String(device), Ebs: disk}
	}
	var list []types.BlockDeviceMapping
	if root := awssdk.ToString(a.image.RootDeviceName); root != "" && a.image.RootDeviceType == types.DeviceTypeEbs {
		list = append(list, volume(root, s.RootGB))
	}
	if s.SwapVolumeGB > 0 {
		list = append(list, volume(swapDevice, s.SwapVolumeGB))
	}
	return list
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: awssdk.String(name), Values: values}
}
