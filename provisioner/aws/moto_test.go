package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mototest"
	"github.com/godwit/godwit/provisioner/providertest"
)

const motoRegion = "eu-central-1"

func openMoto(ctx context.Context, t *testing.T, url string) *Provider {
	t.Helper()
	p, err := New(ctx, Config{
		Regions: []string{motoRegion}, Endpoint: url, Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", "secret", ""),
		Lag: 200 * time.Millisecond, PageSize: 5, NoticesEvery: time.Millisecond, hasty: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// motoSpec is a template of what moto has from the start.
func motoSpec(ctx context.Context, t *testing.T, client *ec2.Client) map[string]any {
	t.Helper()
	subnets, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	if err != nil || len(subnets.Subnets) < 2 {
		t.Fatal(subnets, err)
	}
	groups, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil || len(groups.SecurityGroups) == 0 {
		t.Fatal(groups, err)
	}
	images, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{filter("architecture", "x86_64"), filter("name", "amzn2-ami-hvm*")}})
	if err != nil || len(images.Images) == 0 {
		t.Fatal(images, err)
	}
	var places []string
	for _, s := range subnets.Subnets {
		places = append(places, awssdk.ToString(s.SubnetId))
	}
	return map[string]any{
		"provider": "aws", "image": awssdk.ToString(images.Images[0].ImageId), "instance_types": []string{"c5.large", "m5.large"},
		"subnets": places, "security_groups": []string{awssdk.ToString(groups.SecurityGroups[0].GroupId)}, "binary": "image", "root_gb": 30,
	}
}

func TestProviderOnMoto(t *testing.T) {
	t.Parallel()
	url := mototest.Start(t)
	base := openMoto(t.Context(), t, url)
	fields := motoSpec(t.Context(), t, base.regions[motoRegion].ec2)
	with := func(change map[string]any) json.RawMessage {
		all := map[string]any{}
		for k, v := range fields {
			all[k] = v
		}
		for k, v := range change {
			all[k] = v
		}
		raw, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	client := base.regions[motoRegion].ec2
	t.Run("suite", func(t *testing.T) {
		providertest.Run(t, func(t *testing.T) providertest.Harness {
			return providertest.Harness{
				Provider: openMoto(t.Context(), t, url),
				Reopen:   func(t *testing.T) provisioner.Provider { return openMoto(t.Context(), t, url) },
				Spec:     with(nil),
				Invalid:  map[string]json.RawMessage{"region": with(map[string]any{"region": "eu-west-1"})},
				Bulk:     12,
				Pool:     motoPool(t, client, with),
				Faulty: map[string]string{
					"TerminateTwiceSucceeds":                     "the second end of an instance fails for its interface, which is gone (" + motoTerminateTwice + ")",
					"PoolGivesEachNodeAnAddress":                 motoKeepsAddresses,
					"PoolThatIsExhaustedRefusesAndLeavesNothing": motoKeepsAddresses,
					"SpotStopsWhereItCanAndIsRefusedElsewhere":   "it stops one-time spot instances",
				},
			}
		})
	})
	t.Run("Faults", func(t *testing.T) { probeMoto(t, base, fields) })
	t.Run("ImageThatIsNotThere", func(t *testing.T) {
		faults, err := base.Validate(t.Context(), with(map[string]any{"image": "ami-0123456789abcdef0"}))
		if err != nil || len(faults) != 1 || faults[0].Field != "image" {
			t.Errorf("%v, %v", faults, err)
		}
	})
}

// motoPool is one of two addresses, beside one of another pool. A test makes its own:
// they share the account.
func motoPool(t *testing.T, client *ec2.Client, with func(map[string]any) json.RawMessage) *providertest.Pool {
	t.Helper()
	name := fmt.Sprintf("pool-%d", time.Now().UnixNano())
	allocate := func(pool string) {
		t.Helper()
		if _, err := client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc, TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeElasticIp, Tags: []types.Tag{{Key: awssdk.String(tagPool), Value: &pool}},
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	allocate(name)
	allocate(name)
	allocate(name + "-other")
	ctx := context.WithoutCancel(t.Context())
	of := func(pool string) (map[string]string, error) {
		out, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("tag:"+tagPool, pool)}})
		if err != nil {
			return nil, err
		}
		by := map[string]string{}
		for _, a := range out.Addresses {
			if a.AssociationId != nil {
				by[awssdk.ToString(a.PublicIp)] = motoRegion + "/" + awssdk.ToString(a.InstanceId)
			}
		}
		return by, nil
	}
	return &providertest.Pool{
		Spec: with(map[string]any{"address_pool": name}), Size: 2, Name: name, Held: func() (map[string]string, error) { return of(name) },
		Foreign: func() string { return fmt.Sprint(of(name + "-other")) },
	}
}

const (
	motoTerminateTwice = "InvalidNetworkInterfaceID.NotFound"
	motoKeepsAddresses = "what is terminated keeps its Elastic IP address"
)

// What moto 5.2.5 gets wrong, besides that its machines run and end at once and
// that nothing is ever short. Each row is asked of moto with every run; one that
// it has mended fails, and must go. The simulator has all of them right; the
// second column is what EC2 says.
//
//	a client token is ignored: the same makes another    the first instance
//	a client token with other parameters                 IdempotentParameterMismatch
//	a type that there is not                             InvalidParameterValue
//	an image that there is not                           InvalidAMIID.NotFound
//	a type for another architecture than the image's     InvalidParameterValue
//	a key pair that there is not                         InvalidKeyPair.NotFound
//	user data beyond 16 KiB                              InvalidParameterValue
//	a dry run of what cannot be                          InvalidAMIID.NotFound
//	an unknown filter is ignored                         InvalidParameterValue
//	a page of one                                        InvalidParameterValue
//	a page that was never promised                       InvalidParameterValue
//	the stop of a one-time spot instance                 UnsupportedOperation
//	a spot instance has no spot request                  its id
//	statuses are not filtered                            none is impaired
//	the second end of an instance fails                  success
//	a root volume must have a size                       the image's
//	an address stays with what is terminated             it is free
func probeMoto(t *testing.T, p *Provider, fields map[string]any) {
	ctx, client := t.Context(), p.regions[motoRegion].ec2
	run := func(change func(*ec2.RunInstancesInput)) (types.Instance, string) {
		in := &ec2.RunInstancesInput{
			MinCount: awssdk.Int32(1), MaxCount: awssdk.Int32(1), ImageId: awssdk.String(fields["image"].(string)),
			InstanceType: types.InstanceTypeC5Large, SubnetId: awssdk.String(fields["subnets"].([]string)[0]),
		}
		change(in)
		out, err := client.RunInstances(ctx, in)
		if err != nil {
			return types.Instance{}, codeOf(err)
		}
		return out.Instances[0], ""
	}
	refusal := func(change func(*ec2.RunInstancesInput)) func() string {
		return func() string { _, code := run(change); return code }
	}
	list := func(in *ec2.DescribeInstancesInput) func() string {
		return func() string { _, err := client.DescribeInstances(ctx, in); return codeOf(err) }
	}
	spot := func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot}
	}
	token := func(in *ec2.RunInstancesInput) { in.ClientToken = awssdk.String("probe") }
	first, _ := run(token)
	for _, row := range []struct {
		what, right string
		says        func() string
	}{
		{"a client token", awssdk.ToString(first.InstanceId), func() string { i, _ := run(token); return awssdk.ToString(i.InstanceId) }},
		{"a client token with other parameters", codeMismatch, refusal(func(in *ec2.RunInstancesInput) { token(in); in.InstanceType = types.InstanceTypeM5Large })},
		{"a type that there is not", "InvalidParameterValue", refusal(func(in *ec2.RunInstancesInput) { in.InstanceType = "c99.huge" })},
		{"an image that there is not", "InvalidAMIID.NotFound", refusal(func(in *ec2.RunInstancesInput) { in.ImageId = awssdk.String("ami-0123456789abcdef0") })},
		{"a type for another architecture", "InvalidParameterValue", refusal(func(in *ec2.RunInstancesInput) { in.InstanceType = types.InstanceTypeC7gLarge })},
		{"a key pair that there is not", "InvalidKeyPair.NotFound", refusal(func(in *ec2.RunInstancesInput) { in.KeyName = awssdk.String("lost") })},
		{"user data beyond 16 KiB", "InvalidParameterValue", refusal(func(in *ec2.RunInstancesInput) {
			in.UserData = awssdk.String(base64.StdEncoding.EncodeToString([]byte(noise(40 << 10))))
		})},
		{"a dry run of what cannot be", "InvalidAMIID.NotFound", refusal(func(in *ec2.RunInstancesInput) {
			in.DryRun, in.ImageId = awssdk.Bool(true), awssdk.String("ami-0123456789abcdef0")
		})},
		{"an unknown filter", "InvalidParameterValue", list(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("nonsense", "x")}})},
		{"a page of one", "InvalidParameterValue", list(&ec2.DescribeInstancesInput{MaxResults: awssdk.Int32(1)})},
		{"a page that was never promised", "InvalidParameterValue", list(&ec2.DescribeInstancesInput{NextToken: awssdk.String("x"), MaxResults: awssdk.Int32(5)})},
		{"the stop of a one-time spot instance", "UnsupportedOperation", func() string {
			i, _ := run(spot)
			_, err := client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{awssdk.ToString(i.InstanceId)}})
			return codeOf(err)
		}},
		{"a spot instance's request", "true", func() string { i, _ := run(spot); return strconv.FormatBool(i.SpotInstanceRequestId != nil) }},
		{"statuses by filter", "0", func() string {
			out, err := client.DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{Filters: []types.Filter{filter("instance-status.status", "impaired")}})
			if err != nil {
				t.Fatal(err)
			}
			return strconv.Itoa(len(out.InstanceStatuses))
		}},
		{"the second end of an instance", "", func() string {
			i, _ := run(func(in *ec2.RunInstancesInput) {
				in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: awssdk.Int32(0), SubnetId: in.SubnetId, DeleteOnTermination: awssdk.Bool(true)}}
				in.SubnetId = nil
			})
			var err error
			for range 2 {
				_, err = client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{awssdk.ToString(i.InstanceId)}})
			}
			return codeOf(err)
		}},
		{"a root volume without a size", "", refusal(func(in *ec2.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: awssdk.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{VolumeType: types.VolumeTypeGp3}}}
		})},
		{"an address of what is terminated", "", func() string {
			i, _ := run(func(*ec2.RunInstancesInput) {})
			a, err := client.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: a.AllocationId, InstanceId: i.InstanceId}); err != nil {
				t.Fatal(err)
			}
			if _, err := client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{awssdk.ToString(i.InstanceId)}}); err != nil {
				t.Fatal(err)
			}
			out, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{awssdk.ToString(a.AllocationId)}})
			if err != nil || len(out.Addresses) != 1 {
				t.Fatal(out, err)
			}
			return awssdk.ToString(out.Addresses[0].AssociationId)
		}},
	} {
		if says := row.says(); says == row.right {
			t.Errorf("%s: moto says %q, as EC2 does: take the row out", row.what, says)
		}
	}
}
