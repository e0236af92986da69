package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsHideTheSecretOfAServersAddress(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"godwit://SECRET@host:33001/a@b": "godwit://…@host:33001/a@b",
		"godwit://SECRET@host:33001":     "godwit://…@host:33001",
		"godwit://host:33001/x#sha256=1": "godwit://host:33001/x#sha256=1",
		"ada@host:/in":                   "ada@host:/in",
		"studio:/in":                     "studio:/in",
	} {
		if got := (location{raw: raw}).shown(); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}

func TestCopyAndServeRefuseWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	closed := filepath.Join(dir, "none")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"serve", "--for", "-3s", t.TempDir()}, "--for"},
		{[]string{"serve", closed}, "no directory that can be read"},
		{[]string{"cp", "-r", "--retries", "-3", dir, "studio:/"}, "--retries"},
		{[]string{"cp", "-r", "--grow", "-5s", dir, "studio:/"}, "--grow"},
	} {
		out, code := ends(t, c.args...)
		if code == exitOK || !strings.Contains(out, c.says) {
			t.Errorf("godwit %s: exit code %d: %s", strings.Join(c.args, " "), code, out)
		}
	}
}
