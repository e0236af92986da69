package policy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseKeepsDefaultsForAbsentFields(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(`{"max_nodes": 20, "signals": {"cpu": {"enabled": false}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.MaxNodes != 20 || p.MinAvailable != Default().MinAvailable || p.Signals.CPU.Enabled || !p.Signals.Send.Enabled {
		t.Errorf("got %+v", p)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, document, field, problem string }{
		{"an unknown field", `{"max_node": 3}`, "max_node", "unknown field"},
		{"an unknown field deep inside", `{"schedules":[{"crom":"0 8 * * *"}]}`, "crom", "unknown field"},
		{"a field in capitals", `{"MAX_NODES": 3}`, "MAX_NODES", "unknown field"},
		{"a field given twice", `{"max_nodes": 3, "max_nodes": 4}`, "max_nodes", "given twice"},
		{"null", `{"signals": null}`, "signals", "is null"},
		{"a string for a number", `{"max_nodes": "3"}`, "max_nodes", "want a whole number"},
		{"a fraction of a node", `{"max_nodes": 2.5}`, "max_nodes", "want a whole number"},
		{"crossed thresholds", `{"min_threshold": 0.8, "max_threshold": 0.5}`, "min_threshold", "not below max_threshold (0.5)"},
		{"equal thresholds", `{"min_threshold": 0.7, "max_threshold": 0.7}`, "min_threshold", "not below"},
		{"percent for a share", `{"max_threshold": 80}`, "max_threshold", "want 0.01 to 1"},
		{"a minimum above the maximum", `{"max_nodes": 3, "min_available": 4}`, "min_available", "more than max_nodes (3)"},
		{"an idle minimum above the maximum", `{"max_nodes": 3, "min_idle": 4}`, "min_idle", "more than max_nodes (3)"},
		{"no nodes at all", `{"max_nodes": 0}`, "max_nodes", "want 1 to"},
		{"a launch limit of nothing", `{"launch_limit": {"count": 0, "per_seconds": 60}}`, "launch_limit.count", "want 1 to"},
		{"a negative window", `{"scale_in_window_s": -1}`, "scale_in_window_s", "want 0 to"},
		{"no signal", `{"signals":{"send":{"enabled":false},"receive":{"enabled":false},"cpu":{"enabled":false},"buffer":{"enabled":false},"sessions":{"enabled":false}}}`, "signals", "enable at least one"},
		{"an unknown time zone", `{"schedules":[{"cron":"0 8 * * *","time_zone":"Mars/Olympus","duration_s":3600,"min_available":3}]}`, "schedules[0].time_zone", "is unknown"},
		{"the machine's own time zone", `{"schedules":[{"cron":"0 8 * * *","time_zone":"Local","duration_s":3600,"min_available":3}]}`, "schedules[0].time_zone", "no time zone"},
		{"a broken cron line", `{"schedules":[{"cron":"0 25 * * *","duration_s":3600,"min_available":3}]}`, "schedules[0].cron", "is no cron line"},
		{"a time zone in the cron line", `{"schedules":[{"cron":"CRON_TZ=UTC 0 8 * * *","duration_s":3600,"min_available":3}]}`, "schedules[0].cron", "put it into time_zone"},
		{"an interval for hours", `{"schedules":[{"cron":"@every 1h","duration_s":3600,"min_available":3}]}`, "schedules[0].cron", "five fields"},
		{"a day that never comes", `{"schedules":[{"cron":"0 8 31 2 *","duration_s":3600,"min_available":3}]}`, "schedules[0].cron", "never comes"},
		{"a schedule that raises nothing", `{"schedules":[{"cron":"0 8 * * *","duration_s":3600}]}`, "schedules[0].min_available", "raises nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.document))
			var fields FieldErrors
			if !errors.As(err, &fields) {
				t.Fatalf("got %v, want FieldErrors", err)
			}
			if fields[0].Field != c.field || !strings.Contains(fields[0].Problem, c.problem) {
				t.Errorf("got %q: %q, want %q: …%s…", fields[0].Field, fields[0].Problem, c.field, c.problem)
			}
		})
	}
}

func TestParseRefusesBrokenDocuments(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		``:                                 "ends too early",
		`{"max_nodes": 3`:                  "ends too early",
		`[]`:                               "must be a JSON object",
		`{} {}`:                            "goes on after its end",
		`{"max_nodes": 3,}`:                "invalid character",
		strings.Repeat(" ", maxDocument+1): "bytes long",
	} {
		if _, err := Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want …%s…", document, err, want)
		}
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	p := Default()
	p.MaxNodes, p.MinThreshold, p.ReportTimeoutS = 0, 0.9, 0
	var fields FieldErrors
	if !errors.As(p.Validate(), &fields) {
		t.Fatal("accepted")
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.Field)
	}
	if got := strings.Join(names, " "); got != "max_nodes min_available min_threshold report_timeout_s" {
		t.Errorf("got %s", got)
	}
}

func TestInvalidPolicyDoesNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	plan := Decide(Snapshot{}, Policy{}, noon)
	if len(plan.Actions) != 0 || plan.Reasons[0].Code != CodeInvalidPolicy || !strings.Contains(plan.Explain(), "max_nodes") {
		t.Errorf("got %+v", plan)
	}
}

// FuzzParse: whatever is accepted is valid, survives a round trip and decides.
func FuzzParse(f *testing.F) {
	def, _ := json.Marshal(Default())
	f.Add(def)
	f.Add([]byte(`{"max_nodes":3,"schedules":[{"name":"office","cron":"0 8 * * 1-5","time_zone":"Europe/Berlin","duration_s":36000,"min_available":2,"min_idle":1}]}`))
	f.Add([]byte(`{"min_threshold":0.9}`))
	f.Add([]byte(`{"launch_limit":{"count":1,"count":2}}`))
	f.Add([]byte(`{"signals":{"send":{"cap":1e309}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			if err.Error() == "" {
				t.Error("refused without a word")
			}
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if second, _ := json.Marshal(again); string(second) != string(out) {
			t.Errorf("round trip:\n%s\n%s", out, second)
		}
		if plan := Decide(Snapshot{}, p, noon); len(plan.Reasons) == 0 || plan.Launches() > p.MaxNodes {
			t.Errorf("plan of an empty cluster: %+v", plan)
		}
	})
}

func TestScheduleFollowsItsTimeZone(t *testing.T) {
	t.Parallel()
	s := Schedule{Cron: "30 8 * * 1-5", TimeZone: "Europe/Berlin", DurationS: 3600, MinAvailable: 3}
	from := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC) // a Friday; summer time begins on Sunday
	p := Default()
	p.Schedules = []Schedule{s}
	var got []string
	for _, in := range Occurrences(p, from, 5).Intervals {
		if len(in.Schedules) > 0 {
			got = append(got, in.From.UTC().Format("Mon 15:04"))
		}
	}
	if text := strings.Join(got, ", "); text != "Fri 07:30, Mon 06:30, Tue 06:30" {
		t.Errorf("got %s", text)
	}
}

func TestScheduleIsActiveFromItsStartToItsEnd(t *testing.T) {
	t.Parallel()
	p := Default()
	p.Schedules = []Schedule{{Cron: "0 12 * * *", DurationS: 3600, MinAvailable: 5, MinIdle: 1}}
	for after, want := range map[time.Duration]int{-time.Second: 2, 0: 5, time.Hour - time.Second: 5, time.Hour: 2} {
		if got := p.floorsAt(noon.Add(after)).available; got != want {
			t.Errorf("at noon%+v: %d available, want %d", after, got, want)
		}
	}
}

func TestOverlappingSchedulesTakeTheLargestMinima(t *testing.T) {
	t.Parallel()
	p := Default()
	p.Schedules = []Schedule{
		{Cron: "0 11 * * *", DurationS: 7200, MinAvailable: 6},
		{Cron: "0 12 * * *", DurationS: 3600, MinAvailable: 4, MinIdle: 3},
		{Cron: "0 12 * * *", DurationS: 3600, MinAvailable: 1},
	}
	if f := p.floorsAt(noon.Add(time.Minute)); f.available != 6 || f.idle != 3 {
		t.Errorf("got %d available, %d idle; want 6, 3", f.available, f.idle)
	}
}
