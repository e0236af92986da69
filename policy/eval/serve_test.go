package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/godwit/godwit/policy"
)

const greeting = `{"type":"hello","version":1,"step_s":5,"capacity_mbps":1000,"service_mbps":100,"queue_limit_s":60,"max_nodes":50,"min_nodes":1}`

// talk sends lines and returns the answers.
func talk(t *testing.T, p *policy.Policy, lines ...string) ([]string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Serve(strings.NewReader(strings.Join(lines, "\n")), &out, p)
	return strings.Split(strings.TrimSpace(out.String()), "\n"), err
}

func decisionOf(t *testing.T, line string) Decision {
	t.Helper()
	var d Decision
	if err := json.Unmarshal([]byte(line), &d); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return d
}

// observe is a line with nodes that serve so many sessions of 100 Mb/s each.
func observe(now float64, sessions ...int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"type":"observe","now":%g,"nodes":[`, now)
	for i, n := range sessions {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"state":"running","age":%g,"ready":%g,"bandwidth":%d,"high":false,"sessions":[`, i, now+200, now+100, 100*n)
		for k := range n {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "[%d,100,100]", 100*i+k)
		}
		b.WriteString("]}")
	}
	b.WriteString(`],"queue":[],"refused":0,"launch_failures":0,"capacity_errors":0,"deaths":0}`)
	return b.String()
}

func TestAWorldIsGreetedAndDecidedFor(t *testing.T) {
	t.Parallel()
	answers, err := talk(t, nil, greeting, observe(0), observe(5, 9), `{"type":"end"}`, "never read")
	if err != nil || len(answers) != 3 {
		t.Fatalf("%v: %q", err, answers)
	}
	if want := `{"name":"godwit","every_steps":1,"pools":{"low":0.9,"high":0.905,"signal":"service"}}`; answers[0] != want {
		t.Errorf("greeting %s, want %s", answers[0], want)
	}
	if d := decisionOf(t, answers[1]); d.Launch != 1 || len(d.Reasons) == 0 {
		t.Errorf("nothing runs, and the decision is %s", answers[1])
	}
	if d := decisionOf(t, answers[2]); d.Launch == 0 {
		t.Errorf("one node is nearly full, and the decision is %s", answers[2])
	}
}

func TestThePolicyOfTheCallerDecides(t *testing.T) {
	t.Parallel()
	p := policy.Default()
	p.MinAvailable, p.MaxNodes = 3, 100
	answers, err := talk(t, &p, greeting, observe(0))
	if err != nil {
		t.Fatal(err)
	}
	if d := decisionOf(t, answers[1]); d.Launch != 3 || !strings.Contains(answers[0], `"low":0.5,"high":0.8`) {
		t.Errorf("%s, %s", answers[0], answers[1])
	}
}

func TestTheSameLinesGetTheSameAnswers(t *testing.T) {
	t.Parallel()
	lines := []string{greeting}
	for i := range 300 {
		lines = append(lines, observe(float64(5*i), 3+i%7, i%5, i%3))
	}
	one, err := talk(t, nil, lines...)
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := talk(t, nil, lines...); strings.Join(one, "\n") != strings.Join(two, "\n") {
		t.Error("two runs differ")
	}
}

func TestWhatCannotBeUnderstoodEndsItWithTheLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		lines      []string
	}{
		{"no greeting", "line 1: type is \"observe\"", []string{observe(0)}},
		{"another version", "line 1: version is 2", []string{`{"type":"hello","version":2}`}},
		{"no capacity", "line 1: capacity_mbps is 0", []string{`{"type":"hello","version":1,"step_s":5}`}},
		{"no JSON", "line 2: no JSON", []string{greeting, `{"type":`}},
		{"an empty line", "line 2: the line is empty", []string{greeting, "", "x"}},
		{"an unknown type", "line 2: type is \"ask\"", []string{greeting, `{"type":"ask"}`}},
		{"no time", "line 2: now is missing", []string{greeting, `{"type":"observe"}`}},
		{"time that goes back", "line 3: now is 5, before", []string{greeting, observe(10), observe(5)}},
		{"an unknown state", "line 2: node 1: state is \"lost\"", []string{greeting, `{"type":"observe","now":0,"nodes":[{"id":1,"state":"lost"}]}`}},
		{"a node twice", "line 2: node 1 is listed twice", []string{greeting, `{"type":"observe","now":0,"nodes":[{"id":1,"state":"running"},{"id":1,"state":"running"}]}`}},
		{"a node without an id", "line 2: nodes[0]: id is missing", []string{greeting, `{"type":"observe","now":0,"nodes":[{"state":"running"}]}`}},
		{"a session of two numbers", "line 2: no JSON as expected: sessions", []string{greeting, `{"type":"observe","now":0,"nodes":[{"id":1,"state":"running","sessions":[[1,2]]}]}`}},
		{"a rate below zero", "line 2: node 1: session 7 wants -5", []string{greeting, `{"type":"observe","now":0,"nodes":[{"id":1,"state":"running","sessions":[[7,-5,0]]}]}`}},
		{"a queue of wishes below zero", "line 2: queue[0] is -1", []string{greeting, `{"type":"observe","now":0,"queue":[-1]}`}},
	} {
		if _, err := talk(t, nil, c.lines...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestDrainsAreRememberedAndTakenBack(t *testing.T) {
	t.Parallel()
	e, err := New(Hello{Version: 1, StepS: 5, CapacityMbps: 1000, ServiceMbps: 100, QueueLimitS: 60, MaxNodes: 50, MinNodes: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	draining := map[int]bool{}
	serial := int64(0)
	step := func(i, sessions int) Decision {
		o := Observation{Now: float64(5 * i)}
		for id := range 4 {
			n := Node{ID: id, State: Running, AgeS: 1e4, ReadyS: 1e4}
			if draining[id] {
				n.State = Draining
			}
			for range sessions {
				serial++
				n.Sessions = append(n.Sessions, Session{ID: serial, Wanted: 100, Rate: 100})
			}
			o.Nodes = append(o.Nodes, n)
		}
		d, err := e.Step(&o)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range d.Undrain {
			draining[id] = false
		}
		for _, id := range d.Drain {
			draining[id] = true
		}
		return d
	}
	i := 0
	for ; len(draining) == 0 && i < 1000; i++ {
		step(i, 1)
	}
	if len(draining) == 0 {
		t.Fatal("four nodes with a session each, and none drains")
	}
	undrained, launched := 0, 0
	for end := i + 10; i < end; i++ {
		d := step(i, 9)
		undrained, launched = undrained+len(d.Undrain), launched+d.Launch
		if undrained == 0 && launched > 0 {
			t.Fatal("a node is launched while one could be taken back")
		}
	}
	if undrained == 0 {
		t.Error("nothing is taken back when the load returns")
	}
}

// failing stops answering.
type failing struct{}

var errFull = errors.New("no room")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestAnswersThatCannotBeWrittenEndIt(t *testing.T) {
	t.Parallel()
	if err := Serve(strings.NewReader(greeting), failing{}, nil); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func FuzzServe(f *testing.F) {
	f.Add(greeting + "\n" + observe(0) + "\n" + observe(5, 3, 9))
	f.Add(greeting + "\n" + `{"type":"observe","now":305,"nodes":[{"id":4,"state":"running","age":300,"ready":195,"bandwidth":420,"high":false,"sessions":[[17,5e2,320.5]]}],"queue":[100,20]}`)
	f.Add(greeting + "\n" + `{"type":"observe","now":1e300,"nodes":[{"id":-4,"state":"draining","age":1e9,"sessions":[[1e18,1,1],[1,1,1]]}],"capacity_errors":-1}`)
	f.Add(`{"type":"hello","version":1,"step_s":1e-3,"capacity_mbps":1e7,"service_mbps":1e7,"max_nodes":1,"min_nodes":0}` + "\n" + `{"type":"end"}`)
	f.Add("\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		if strings.Count(in, "\n") > 50 {
			return
		}
		var out bytes.Buffer
		if err := Serve(strings.NewReader(in), &out, nil); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Fatalf("an error without its line: %v", err)
		}
		for d := json.NewDecoder(&out); ; {
			var x map[string]any
			if err := d.Decode(&x); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("answers are no JSON: %v", err)
			}
		}
	})
}
