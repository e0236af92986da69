//go:build linux

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer/wire"
)

func TestAForgedDatagramLooksLikeTheSessionsNext(t *testing.T) {
	t.Parallel()
	header := []byte{byte(wire.KindData), 0, 0, 9, 0, 1, 0, 1, 2}
	d := make([]byte, size)
	fill("overheard", d, header, 5)
	h, err := wire.ParseHeader(d)
	if err != nil || h.ConnID != 9 || h.Number != 0x105 {
		t.Errorf("%+v %v", h, err)
	}
	fill("spoofed", d, header, 5)
	if h, err := wire.ParseHeader(d); err != nil || h.ConnID == 9 || h.Number != 0x105 {
		t.Errorf("of another session: %+v %v", h, err)
	}
}

func TestTheTableNamesEveryFlood(t *testing.T) {
	t.Parallel()
	var rows []row
	for _, k := range kinds {
		rows = append(rows, row{Flood: k.name, Mbps: 500, Kept: 0.5})
	}
	text := table(rows)
	for _, k := range kinds {
		if !strings.Contains(text, "| `"+k.name+"`: "+k.meaning+" |") {
			t.Errorf("no %s in\n%s", k.name, text)
		}
	}
}

func TestACopyThatDiffersIsAnError(t *testing.T) {
	t.Parallel()
	b := bench{dir: t.TempDir(), bytes: 1000}
	if err := b.make(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(b.at("file"))
	if err != nil || len(text) != 1000 {
		t.Fatal(len(text), err)
	}
	for _, broken := range []bool{false, true} {
		copied := bytes.Clone(text)
		if broken {
			copied[500]++
		}
		if err := os.WriteFile(b.at("served/file"), copied, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.same(); (err != nil) != broken {
			t.Errorf("broken: %v, found: %v", broken, err)
		}
	}
}
