package main

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/aws/ec2sim"
	"github.com/godwit/godwit/provisioner/azure/armsim"
	"github.com/godwit/godwit/provisioner/gcp/gcesim"
)

// wire is a cloud that a manager as it is shipped speaks to.
type wire struct {
	// change tells the manager of it, by flags and by what the cloud's own tools know it by.
	change func(*exec.Cmd)
	// offering is a template's offering at it; badSubnet is a name of a subnet that is not there.
	offering  map[string]any
	badSubnet string
	// refused is how a decision tells that it has no room, placed how it tells that nodes went there.
	refused, placed string
	exhaust         func()
	living          func() int
	left            func() []string
}

func wireEC2(t *testing.T) (wire, *ec2sim.Sim) {
	t.Helper()
	sim := ec2sim.New(ec2sim.Options{Lag: 200 * time.Millisecond, Boot: 200 * time.Millisecond, End: 200 * time.Millisecond})
	server := httptest.NewServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return wire{
		change: func(cmd *exec.Cmd) {
			cmd.Args = append(cmd.Args, "--aws-regions", ec2sim.Region)
			cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=AKIASIM", "AWS_SECRET_ACCESS_KEY=secret",
				"AWS_CA_BUNDLE=", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
		},
		offering: map[string]any{
			"provider": "aws", "image_name": ec2sim.ImageFamily, "instance_types": []string{"c7i.large"}, "binary": "image",
			"subnets": []string{ec2sim.SubnetA, ec2sim.SubnetB}, "security_groups": []string{ec2sim.Group},
		},
		badSubnet: "subnet-00000000000000000",
		refused:   "aws c7i.large on demand in subnet-",
		placed:    "aws c7i.large in " + ec2sim.Region,
		exhaust:   func() { sim.Refuse("*", "*", "*", "InsufficientInstanceCapacity") },
		living:    sim.Living,
		left:      sim.Left,
	}, sim
}

func wireGCE(t *testing.T) (wire, *gcesim.Cloud) {
	t.Helper()
	sim := gcesim.New(gcesim.Options{Step: 50 * time.Millisecond, ListLag: 200 * time.Millisecond})
	t.Cleanup(sim.Close)
	return wire{
		change: func(cmd *exec.Cmd) {
			cmd.Args = append(cmd.Args, "--gcp-project", gcesim.Project)
			cmd.Env = append(cmd.Env, "GODWIT_TEST_GCP_ENDPOINT="+sim.URL)
		},
		offering: map[string]any{
			"provider": "gcp", "name": "belgium", "region": gcesim.Region, "image_family": "debian-12", "image_project": "debian-cloud",
			"instance_types": []string{"n2-standard-4"}, "subnets": []string{"nodes"}, "binary": "image",
		},
		badSubnet: "gone",
		refused:   "belgium n2-standard-4 on demand in " + gcesim.Region,
		placed:    "gcp n2-standard-4 in " + gcesim.Region,
		exhaust: func() {
			for _, zone := range gcesim.Zones() {
				sim.Exhaust(gcesim.Offering{Zone: zone, Type: "n2-standard-4"}, true)
			}
		},
		living: sim.Instances,
		left:   sim.Disks,
	}, sim
}

// wireAzure is a private cloud of Azure's over TLS: its address by flag, its issuer of
// tokens and the principal by Azure's own variables.
func wireAzure(t *testing.T, secret string) (wire, *armsim.Cloud) {
	t.Helper()
	sim := armsim.New(armsim.Options{Step: 200 * time.Millisecond, Page: 1, Unserved: true})
	server := httptest.NewTLSServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return wire{
		change: func(cmd *exec.Cmd) {
			cmd.Args = append(cmd.Args, "--azure-subscription", armsim.Subscription, "--azure-resource-group", armsim.Group, "--azure-cloud", server.URL)
			cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+root, "AZURE_AUTHORITY_HOST="+server.URL,
				"AZURE_TENANT_ID="+armsim.Tenant, "AZURE_CLIENT_ID="+armsim.Client, "AZURE_CLIENT_SECRET="+secret)
		},
		offering: map[string]any{
			"provider": "azure", "region": armsim.Region, "zones": []string{"1", "2"}, "image": "Debian:debian-12:12-gen2:latest",
			"instance_types": []string{"Standard_D4s_v5"}, "subnets": []string{"network/nodes"}, "public_address": true,
			"ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVhLc7zj0ZcVn7oQm3mJvWQ2kq5k0f2m8mY3Wm1y0aB ops", "binary": "image",
		},
		badSubnet: "network/gone",
		refused:   "azure Standard_D4s_v5 on demand in ",
		placed:    "azure Standard_D4s_v5 in " + armsim.Region,
		exhaust: func() {
			for _, zone := range []string{"1", "2"} {
				sim.Exhaust(armsim.Offering{Zone: zone, Size: "Standard_D4s_v5"}, true)
			}
		},
		living: func() int { return len(sim.Machines()) },
		left:   sim.Left,
	}, sim
}

// name is the offering's, which without one is its provider's.
func (w wire) name() string {
	if name, ok := w.offering["name"].(string); ok {
		return name
	}
	return w.offering["provider"].(string)
}
