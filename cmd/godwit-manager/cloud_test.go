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
	Provider     string `json:"provider"`
	Offering     string `json:"offering"`
	InstanceID   string `json:"instance_id"`
	InstanceType string `json:"instance_type"`
	Zone         string `json:"zone"`
}

// two makes a cluster of the template and returns its nodes, which boot in two
// zones.
func (p *process) two() []launched {
	p.t.Helper()
	p.cluster(2)
	nodes := p.booting(2)
	if nodes[0].Zone == nodes[1].Zone {
		p.t.Errorf("both nodes are in %s", nodes[0].Zone)
	}
	return nodes
}

// cluster makes one of so many nodes.
func (p *process) cluster(nodes int) {
	p.t.Helper()
	p.must(http.StatusCreated, func() (int, string) {
		return p.call("POST", "/api/v1/clusters", map[string]any{"name": "cloud", "template": "cloud", "policy": map[string]int{"min_available": nodes, "max_nodes": nodes}})
	})
}

func (p *process) get(path string, into any) {
	p.t.Helper()
	status, body := p.call("GET", path, nil)
	if err := json.Unmarshal([]byte(body), into); status != http.StatusOK || err != nil {
		p.t.Fatalf("%s: %d %s", path, status, body)
	}
}

// booting waits until so many nodes boot.
func (p *process) booting(count int) []launched {
	p.t.Helper()
	var nodes []launched
	p.until("booting nodes", func() bool {
		var list struct {
			Items []launched `json:"items"`
		}
		p.get("/api/v1/nodes", &list)
		nodes = nil
		for _, n := range list.Items {
			if n.State == "booting" {
				nodes = append(nodes, n)
			}
		}
		return len(nodes) == count
	})
	return nodes
}

// decided is a decision as the API tells of it.
type decided struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
	Reasons []struct {
		Code, Text string
		Values     map[string]float64
	}
}

// decidedOnce is the one decision to launch, once its last reason tells of what
// was passed over for so many nodes.
func (p *process) decidedOnce(nodes int) decided {
	p.t.Helper()
	var list struct{ Items []decided }
	p.until("a decision that tells what was passed over", func() bool {
		p.get("/api/v1/decisions?action=launch", &list)
		told := 0.0
		for _, r := range list.Items[0].Reasons {
			if r.Code == "passed_over" {
				told += r.Values["nodes"]
			}
		}
		return int(told) == nodes
	})
	if len(list.Items) != 1 {
		p.t.Errorf("%d decisions to launch: %+v", len(list.Items), list.Items)
	}
	return list.Items[0]
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
