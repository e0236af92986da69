package main

import (
	"strings"
	"testing"
)

func TestTheReportCountsSeedsAndKeepsTheFirstThatFails(t *testing.T) {
	t.Parallel()
	in := `{"Action":"run","Test":"TestSimulation/1"}
{"Action":"output","Test":"TestSimulation/7","Output":"    replay: go test ./x -sim.seed=7\n"}
{"Action":"pass","Test":"TestSimulation/1"}
{"Action":"fail","Test":"TestSimulation/9"}
{"Action":"fail","Test":"TestSimulation/7"}
{"Action":"pass","Test":"TestSimulation/loss/3"}
{"Action":"fail","Test":"TestSimulation"}
`
	var r result
	story, err := r.read(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	if r.Seeds != 4 || r.Failures != 2 || r.FirstFailingSeed == nil || *r.FirstFailingSeed != 7 {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(story, "-sim.seed=7") {
		t.Errorf("the story lost the replay command: %q", story)
	}
}
