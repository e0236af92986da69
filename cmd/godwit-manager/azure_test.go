package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/azure/armsim"
)

// onAzure starts a manager as it is shipped beside a private cloud of Azure's: its
// address by flag, its issuer of tokens and the principal by Azure's own variables.
func onAzure(t *testing.T, secret string) (*process, *armsim.Cloud) {
	t.Helper()
	sim := armsim.New(armsim.Options{Step: 200 * time.Millisecond, Page: 1, Unserved: true})
	server := httptest.NewTLSServer(sim)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dataDir(t), func(cmd *exec.Cmd) {
		cmd.Args = append(cmd.Args, "--azure-subscription", armsim.Subscription, "--azure-resource-group", armsim.Group, "--azure-cloud", server.URL)
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+root, "AZURE_AUTHORITY_HOST="+server.URL,
			"AZURE_TENANT_ID="+armsim.Tenant, "AZURE_CLIENT_ID="+armsim.Client, "AZURE_CLIENT_SECRET="+secret)
	})
	if status, body := p.setUp(p.link(), "ada"); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	return p, sim
}

func azureSpec() map[string]any {
	return map[string]any{
		"region": armsim.Region, "zones": []string{"1", "2"}, "image": "Debian:debian-12:12-gen2:latest",
		"instance_types": []string{"Standard_D4s_v5", "Standard_D8s_v5"}, "subnets": []string{"network/nodes"}, "public_address": true,
		"ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVhLc7zj0ZcVn7oQm3mJvWQ2kq5k0f2m8mY3Wm1y0aB ops", "binary": "image",
	}
}

// A manager as it is shipped has a cluster on Azure: refused templates name their
// field, nodes are launched where there is room, ended and leave nothing behind.
func TestClusterOnAzureLaunchesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	p, sim := onAzure(t, armsim.Secret)
	spec := azureSpec()
	create := func() (int, string) {
		return p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "azure", "spec": spec})
	}
	spec["subnets"], spec["instance_types"] = []string{"network/gone"}, []string{"Standard_D4s_v5", "Standard_Z9"}
	if status, body := create(); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.spec.subnets[0]"`) || !strings.Contains(body, `"body.spec.instance_types[1]"`) {
		t.Errorf("a template with a subnet and a size that are not there: %d %s", status, body)
	}
	spec = azureSpec()
	if status, body := create(); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	for _, zone := range []string{"1", "2"} {
		sim.Exhaust(armsim.Offering{Zone: zone, Size: "Standard_D4s_v5"}, true)
	}
	if status, body := p.call("POST", "/api/v1/clusters", map[string]any{"name": "cloud", "template": "cloud", "policy": map[string]int{"min_available": 2, "max_nodes": 2}}); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	var nodes struct {
		Items []struct {
			State        string `json:"state"`
			InstanceID   string `json:"instance_id"`
			InstanceType string `json:"instance_type"`
			Zone         string `json:"zone"`
		} `json:"items"`
	}
	p.until("two booting nodes", func() bool {
		status, body := p.call("GET", "/api/v1/nodes", nil)
		if err := json.Unmarshal([]byte(body), &nodes); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, body)
		}
		booting := 0
		for _, n := range nodes.Items {
			if n.State == "booting" {
				booting++
			}
		}
		return booting == 2
	})
	for _, n := range nodes.Items {
		if n.State != "booting" {
			continue
		}
		if n.InstanceType != "Standard_D8s_v5" || !strings.HasPrefix(n.Zone, armsim.Region+"-") || !strings.HasPrefix(n.InstanceID, "godwit-") {
			t.Errorf("launched %+v", n)
		}
	}
	if machines := sim.Machines(); len(machines) != 2 || len(sim.Unused()) > 0 {
		t.Errorf("%v for two nodes, and unused: %v", machines, sim.Unused())
	}
	if status, body := p.call("DELETE", "/api/v1/clusters/cloud", nil); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	p.until("the end of all machines", func() bool { return len(sim.Machines()) == 0 })
	if left := sim.Left(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.stop()
}

func TestTemplateOfAWrongSecretIsRefused(t *testing.T) {
	t.Parallel()
	p, sim := onAzure(t, "wrong")
	status, body := p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": "azure", "spec": azureSpec()})
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"body.provider"`) || !strings.Contains(body, "AADSTS7000215") {
		t.Errorf("%d %s", status, body)
	}
	if sim.Creations() > 0 {
		t.Error("a machine was asked for")
	}
}
