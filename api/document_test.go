package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/godwit/godwit/api"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// The console and the command line are generated from the committed document: it must be what the server serves.
func TestDocumentIsCommitted(t *testing.T) {
	raw, err := json.Marshal(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile("openapi.json", pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, pretty.Bytes()) {
		t.Error("openapi.json is not what the server serves; run: go generate ./api")
	}
}
