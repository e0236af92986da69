package configuration_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/node/configuration"
)

func TestFaultsNameTheirField(t *testing.T) {
	t.Parallel()
	for doc, field := range map[string]string{
		`{"send_cap_mbps": -1}`:                                                   "send_cap_mbps",
		`{"receive_cap_mbps": 1e9}`:                                               "receive_cap_mbps",
		`{"session_cap_mbps": 0.0001}`:                                            "session_cap_mbps",
		`{"session_cap_mbps": 5, "session_rate_mbps": 6}`:                         "session_rate_mbps",
		`{"max_sessions": 1000000}`:                                               "max_sessions",
		`{"max_sessions": "many"}`:                                                "max_sessions",
		`{"session_memory_mb": 3}`:                                                "session_memory_mb",
		`{"report_interval_s": 0.01}`:                                             "report_interval_s",
		`{"ciphers": ["rot13"]}`:                                                  "ciphers",
		`{"ciphers": ["aes-128-gcm", "aes-128-gcm"]}`:                             "ciphers",
		`{"log_level": "loud"}`:                                                   "log_level",
		`{"sendcap": 5}`:                                                          "sendcap",
		`{"links": [{"name": "Up", "in_mbps": 5}]}`:                               "links[0].name",
		`{"links": [{"name": "up"}]}`:                                             "links[0].in_mbps",
		`{"links": [{"name": "up", "in_mbps": 0.5}]}`:                             "links[0].in_mbps",
		`{"links": [{"name": "up", "out_mbps": -1}]}`:                             "links[0].out_mbps",
		`{"links": [{"name": "up", "in_mbps": 5, "access_keys": ["a", "a"]}]}`:    "links[0].access_keys",
		`{"links": [{"name": "up", "in_mbps": 5}, {"name": "up", "in_mbps": 5}]}`: "links[1].name",
		`{"links": [{"name": "a", "in_mbps": 5, "default": true}, {"name": "b", "in_mbps": 5, "default": true}]}`:           "links[1].default",
		`{"links": [{"name": "a", "in_mbps": 5, "access_keys": ["k"]}, {"name": "b", "in_mbps": 5, "access_keys": ["k"]}]}`: "links[1].access_keys",
	} {
		_, err := configuration.Parse([]byte(doc))
		var faults configuration.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v, want one fault of %s", doc, err, field)
		}
	}
	for _, doc := range []string{``, `[]`, `{} {}`, `{"ciphers": null}x`, strings.Repeat(" ", 1<<17) + "{}"} {
		if _, err := configuration.Parse([]byte(doc)); err == nil {
			t.Errorf("%.20q is accepted", doc)
		}
	}
}

// Every field must reach the node and be told as a difference, or an edit of it would be shown and do nothing.
func TestEveryFieldReachesTheNodeAndIsCompared(t *testing.T) {
	t.Parallel()
	none, err := configuration.Parse([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"send_cap_mbps": 12.5, "receive_cap_mbps": 7, "max_sessions": 9, "session_rate_mbps": 3, "session_cap_mbps": 4,
		"session_memory_mb": 64, "ciphers": []string{"aes-256-gcm"}, "report_interval_s": 1.5, "log_level": "warn",
		"links": []configuration.Link{{Name: "uplink", InMbps: 80, AccessKeys: []string{"a"}}},
	}
	if want := reflect.TypeFor[configuration.Document]().NumField(); len(values) != want {
		t.Fatalf("%d fields are tried, there are %d", len(values), want)
	}
	for field, value := range values {
		raw, _ := json.Marshal(map[string]any{field: value})
		d, err := configuration.Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		diff := configuration.Differences(d, none)
		if len(diff) != 1 || diff[0].Field != field || diff[0].Wanted == diff[0].Has || diff[0].How == "" {
			t.Errorf("%s: differences %+v", field, diff)
		}
		var told, before command.Config
		d.Fill(&told)
		none.Fill(&before)
		if reflect.DeepEqual(told, before) {
			t.Errorf("%s changes nothing of what a node is told", field)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"send_cap_mbps": 100, "ciphers": ["aes-128-gcm"]}`, `{"max_sessions": 1e3}`, `{"log_level":"debug"}`, `{"links":[{"name":"up","out_mbps":80,"default":true}]}`, `null`, `{"ciphers":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := configuration.Parse(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := configuration.Parse(again)
		if err != nil || len(configuration.Differences(d, back)) > 0 {
			t.Fatalf("%s does not survive a round: %v", again, err)
		}
	})
}
