package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func runningNode(id string, sessions int) policy.Node {
	return policy.Node{
		ID: id, Name: "node-" + id, State: policy.Running, Since: noon.Add(-time.Hour), RequestedAt: noon.Add(-time.Hour),
		ReportedAt: noon, ServicesHealthy: true,
		Usage: policy.Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9},
		Load:  policy.Load{Sessions: sessions, SendBps: int64(sessions) * 100e6, ServedBps: int64(sessions) * 100e6},
		Last:  policy.Assignment{NodeID: id, Pool: policy.Low, Since: noon.Add(-time.Hour), At: noon.Add(-time.Second)},
	}
}

func codes(reasons []policy.Reason) []policy.Code {
	var out []policy.Code
	for _, r := range reasons {
		out = append(out, r.Code)
	}
	return out
}

func TestWhyNotTellsHeldBackFromNotNeeded(t *testing.T) {
	t.Parallel()
	full := policy.Snapshot{Nodes: []policy.Node{runningNode("a", 9), runningNode("b", 9)}}
	p := policy.Default()
	p.MaxNodes = 2
	plan := policy.Decide(full, p, noon)
	w := plan.WhyNot(policy.ActionLaunch)
	if len(w.Done) > 0 || !slices.Contains(codes(w.Held), policy.CodeMaxReached) {
		t.Errorf("at the maximum: %+v of %s", w, plan.Explain())
	}

	calm := policy.Decide(policy.Snapshot{Nodes: []policy.Node{runningNode("a", 1), runningNode("b", 1)}}, policy.Default(), noon)
	w = calm.WhyNot(policy.ActionLaunch)
	if len(w.Held) > 0 || len(w.Unneeded) == 0 {
		t.Errorf("with little to do: %+v of %s", w, calm.Explain())
	}

	empty := policy.Decide(policy.Snapshot{}, policy.Default(), noon)
	if w = empty.WhyNot(policy.ActionLaunch); len(w.Done) == 0 {
		t.Errorf("with no node: %+v of %s", w, empty.Explain())
	}
	full.Paused = true
	p.MaxNodes = 9
	if w = policy.Decide(full, p, noon).WhyNot(policy.ActionLaunch); !slices.Contains(codes(w.Held), policy.CodePaused) {
		t.Errorf("paused: %+v", w)
	}
}

// A code that says why nothing was done and that no question finds would be an inaction without an explanation.
func TestEveryCodeOfInactionAnswersAQuestion(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []policy.ActionKind{
		policy.ActionLaunch, policy.ActionStart, policy.ActionDrain, policy.ActionTerminate, policy.ActionStop,
		policy.ActionUndrain, policy.ActionMove, policy.ActionLost, policy.ActionRecover,
	}
	section, found := "", 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if spec.Doc != nil {
			section = spec.Doc.Text()
		}
		if !strings.HasPrefix(section, "Why less") && !strings.HasPrefix(section, "Why sessions") {
			return true
		}
		code := policy.Code(strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		plan := policy.Plan{Reasons: []policy.Reason{{Code: code, Text: "x"}}}
		found++
		if !slices.ContainsFunc(kinds, func(k policy.ActionKind) bool { return len(plan.WhyNot(k).Held) == 1 }) {
			t.Errorf("%s holds nothing back: name it in against()", code)
		}
		return true
	})
	if found < 20 {
		t.Errorf("found %d codes in reason.go: has it changed its form?", found)
	}
}

func TestDifferencesAreTold(t *testing.T) {
	t.Parallel()
	s := policy.Snapshot{Nodes: []policy.Node{runningNode("a", 7), runningNode("b", 1)}}
	name := func(id string) string { return "node-" + id }
	was := policy.Decide(s, policy.Default(), noon)
	if d := policy.Differences(was, policy.Decide(s, policy.Default(), noon), name); len(d) != 0 {
		t.Errorf("equal plans differ: %q", d)
	}
	p := policy.Default()
	p.MinAvailable, p.MinThreshold, p.MaxThreshold = 4, 0.2, 0.6
	got := strings.Join(policy.Differences(was, policy.Decide(s, p, noon), name), "\n")
	for _, want := range []string{"launches 3 nodes instead of no node", "at least 4 instead of 2 nodes available", "node-a is high instead of low", "says: ", "no longer says: "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
