package realpath

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPathsLeadWhereTheirLinksDo(t *testing.T) {
	t.Parallel()
	root := Of(t.TempDir())
	there := filepath.Join(root, "there")
	if err := os.MkdirAll(filepath.Join(there, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": there, "nowhere": filepath.Join(root, "gone")} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skipf("no links here: %v", err)
		}
	}
	for path, want := range map[string]string{
		"there/sub":    "there/sub",
		"link":         "there",
		"link/sub/..":  "there",
		"link/new/one": "there/new/one",
		"nowhere":      "nowhere",
		"new":          "new",
	} {
		if got := Of(filepath.Join(root, path)); got != filepath.Join(root, want) {
			t.Errorf("%s leads to %s", path, got)
		}
	}
	for path, want := range map[string]bool{
		"there": true, "there/new": true, "link/new": true, "thereabouts": false, ".": false, "there/..": false,
	} {
		if got := Within(filepath.Join(root, path), filepath.Join(root, "there")); got != want {
			t.Errorf("%s within there: %v", path, got)
		}
	}
	if !Within("/anything", "/") {
		t.Error("not all is within /")
	}
}
