package control

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestNamesOfAnyBytesTravelExactly(t *testing.T) {
	t.Parallel()
	hello := Hello{
		Version: Version, Direction: "pull", Paths: []string{"plain", "caf\xe9", "\uFFFD"}, Names: []string{"\xff", "x"},
		Backup: ".\xe9", MoveTo: "done\xfe", After: "\x80", Delete: &Delete{Scopes: []string{"", "d\xff"}},
	}
	for _, m := range []any{&hello, &ListEntry{Name: "l\xff", Type: "symlink", Target: "\xfe"}, &Trouble{Path: "t\xff", Code: "io"}, &Hello{Paths: []string{"plain"}}} {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(m).Elem()).Interface()
		if err := ParseJSON(b, back); err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%+v came back as %+v: %v\n%s", m, back, err, b)
		}
		if plain := m != any(&hello) && strings.Contains(string(b), "plain"); plain && strings.Contains(string(b), "exact") {
			t.Errorf("plain names have exact ones too: %s", b)
		}
	}
}

// FuzzExact: a peer may name fields that there are not, and lists that are shorter.
func FuzzExact(f *testing.F) {
	f.Add([]byte(`{"paths":["caf\ufffd"],"exact":{"paths.0":"Y2Fm6Q==","paths.7":"AA==","nothing":""}}`))
	f.Add([]byte(`{"name":"x","path":"y","exact":{"name":"/w==","path":"/w=="}}`))
	f.Add([]byte(`{"delete":{"scopes":[""]},"exact":{"delete.scopes.0":"/w=="}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []any{&Hello{}, &ListEntry{}, &Trouble{}} {
			if ParseJSON(b, m) != nil {
				continue
			}
			again, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			back := reflect.New(reflect.TypeOf(m).Elem()).Interface()
			if err := ParseJSON(again, back); err != nil {
				t.Errorf("%s was written as %s: %v", b, again, err)
			}
		}
	})
}
