package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"
)

// managing starts a manager that somebody administers.
func managing(t *testing.T, change func(*exec.Cmd)) *process {
	t.Helper()
	p := start(t, dataDir(t), change)
	p.must(http.StatusCreated, func() (int, string) { return p.setUp(p.link(), "ada") })
	return p
}

func (p *process) must(want int, call func() (int, string)) {
	p.t.Helper()
	if status, body := call(); status != want {
		p.t.Fatalf("%d %s; want %d", status, body, want)
	}
}

// template asks for the template "cloud".
func (p *process) template(provider string, spec any) (int, string) {
	return p.call("POST", "/api/v1/templates", map[string]any{"name": "cloud", "provider": provider, "spec": spec})
}

// launched is a node as the API tells of it.
type launched struct {
	State        string `json:"state"`
	InstanceID   string `json:"instance_id"`
	InstanceType string `json:"instance_type"`
	Zone         string `json:"zone"`
}

// two makes a cluster of the template and returns its nodes, which boot in two
// zones.
func (p *process) two() []launched {
	p.t.Helper()
	p.must(http.StatusCreated, func() (int, string) {
		return p.call("POST", "/api/v1/clusters", map[string]any{"name": "cloud", "template": "cloud", "policy": map[string]int{"min_available": 2, "max_nodes": 2}})
	})
	var nodes []launched
	p.until("two booting nodes", func() bool {
		var list struct {
			Items []launched `json:"items"`
		}
		status, body := p.call("GET", "/api/v1/nodes", nil)
		if err := json.Unmarshal([]byte(body), &list); status != http.StatusOK || err != nil {
			p.t.Fatalf("%d %s", status, body)
		}
		nodes = nil
		for _, n := range list.Items {
			if n.State == "booting" {
				nodes = append(nodes, n)
			}
		}
		return len(nodes) == 2
	})
	if nodes[0].Zone == nodes[1].Zone {
		p.t.Errorf("both nodes are in %s", nodes[0].Zone)
	}
	return nodes
}

// leave deletes the cluster and stops the manager when nothing lives; left is
// what the cloud still bills.
func (p *process) leave(living func() int, left func() []string) {
	p.t.Helper()
	p.must(http.StatusAccepted, func() (int, string) { return p.call("DELETE", "/api/v1/clusters/cloud", nil) })
	p.until("the end of all instances", func() bool { return living() == 0 })
	if rest := left(); len(rest) != 0 {
		p.t.Errorf("left behind: %v", rest)
	}
	p.stop()
}
