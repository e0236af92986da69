package manifest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer"
)

// TestReceiptsTellFilesApartWhoseNamesAreNoText: a manifest is read back to the byte.
func TestReceiptsTellFilesApartWhoseNamesAreNoText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	job := transfer.Job{Direction: transfer.Push, Sources: []string{"plain", "s\xff"}, Destination: "d\xfe"}
	m := NewWriter(&out, job, Options{})
	names := []string{"caf\xe9", "caf\xe8", "caf\uFFFD", "café", `caf\xe9`}
	for _, name := range names {
		m.Event(transfer.Event{Kind: transfer.EventFile, Path: name, Outcome: "skipped"})
	}
	if err := m.Close(transfer.Result{}, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var head Head
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil || !reflect.DeepEqual(head.Sources, job.Sources) || head.Destination != job.Destination {
		t.Errorf("%+v, %v: %s", head, err, lines[0])
	}
	for i, name := range names {
		var r Receipt
		if err := json.Unmarshal([]byte(lines[i+1]), &r); err != nil || r.Path != name {
			t.Errorf("%q was read as %q: %v", name, r.Path, err)
		}
	}
	if want := `"path":"caf\\xe9"`; !strings.Contains(lines[1], want) || !strings.Contains(lines[1], `"path_base64":"Y2Fm6Q=="`) {
		t.Errorf("%s, want %s and base64", lines[1], want)
	}
	if strings.Contains(lines[4], "base64") {
		t.Errorf("text has a second form: %s", lines[4])
	}
}

// FuzzReceipt: a manifest may come from anywhere.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"path":"caf\\xe9","path_base64":"Y2Fm6Q==","size":1,"outcome":"committed","at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"manifest":1,"sources":["a","b"],"sources_base64":[null,"/w==","AA=="],"destination":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{&Receipt{}, &Head{}} {
			if json.Unmarshal(b, v) != nil {
				continue
			}
			again, err := json.Marshal(v)
			if err != nil {
				continue // a year that RFC 3339 has not
			}
			back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if err := json.Unmarshal(again, back); err != nil {
				t.Errorf("%s was written as %s: %v", b, again, err)
			}
		}
	})
}
