package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestCodeIsGeneratedFromTheMessages runs what go generate runs, with no plugin
// on the PATH, as on a machine that has nothing but protoc.
func TestCodeIsGeneratedFromTheMessages(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("protoc"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("protoc is missing")
		}
		t.Skip("protoc is missing: scripts/deps.sh generate")
	}
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), "../../scripts/protoc.sh", "--go_out="+dir, "--go_opt=paths=source_relative", "report.proto")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The version of protoc is in a comment; that of the plugin must be go.mod's.
	protoc := regexp.MustCompile(`(?m)^// \tprotoc .*\n`)
	read := func(path string) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(protoc.ReplaceAll(raw, nil))
	}
	if read("report.pb.go") != read(filepath.Join(dir, "report.pb.go")) {
		t.Error("report.pb.go is not what report.proto makes: run make generate")
	}
}
