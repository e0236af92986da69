package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicyEvalDecidesForAnotherProgramsWorld(t *testing.T) {
	t.Parallel()
	const world = `{"type":"hello","version":1,"step_s":5,"capacity_mbps":1000,"service_mbps":100,"queue_limit_s":60,"max_nodes":50,"min_nodes":1}
{"type":"observe","now":0,"nodes":[],"queue":[],"refused":0,"launch_failures":0,"capacity_errors":0,"deaths":0}
`
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	for path, document := range map[string]string{good: `{"min_available": 4}`, bad: `{"min_free": 4}`} {
		if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, in, out, err string
		args               []string
	}{
		{"its own policy", world + `{"type":"end"}`, `"launch":1`, "", []string{"--stdio"}},
		{"a policy that is given", world, `"launch":4`, "", []string{"--stdio", "--policy", good}},
		{"a policy with a mistake", world, "", "min_free", []string{"--stdio", "--policy", bad}},
		{"no policy there", world, "", "none.json", []string{"--stdio", "--policy", filepath.Join(dir, "none.json")}},
		{"a line that is no JSON", world + "launch two\n", `"launch":1`, "line 3: no JSON", []string{"--stdio"}},
		{"no way to talk", world, "", "add --stdio", nil},
	} {
		var out bytes.Buffer
		cmd := newRootCommand()
		cmd.SetArgs(append([]string{"policy", "eval"}, c.args...))
		cmd.SetIn(strings.NewReader(c.in))
		cmd.SetOut(&out)
		err := cmd.ExecuteContext(t.Context())
		if !strings.Contains(out.String(), c.out) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %s", c.name, err, out.String())
		}
	}
}
