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
		{[]string{"cp", "-r", "--delete", "--max-delete", "-5", dir, "studio:/"}, "-1: no bound"},
		{[]string{"cp", "-r", "--max-delete", "5", dir, "studio:/"}, "--delete"},
		{[]string{"cp", "-r", "--backup=", dir, "studio:/"}, "--backup alone"},
		{[]string{"cp", "-r", "-0", dir, "studio:/"}, "--files-from"},
		{[]string{"cp", "-r", "--manifest-format", "text", dir, "studio:/"}, "--manifest FILE"},
		{[]string{"cp", "-r", "--manifest", "", dir, "studio:/"}, "--manifest is empty"},
		{[]string{"cp", "-r", "-o", "yaml", dir, "studio:/"}, "--json"},
		{[]string{"cp", "-r", "--key", "K", dir, "ada@host:"}, "--key"},
		{[]string{"cp", "-r", "--name", "night", dir, "ada@host:"}, "--name"},
		{[]string{"cp", "-r", "--remote-godwit", "/opt/godwit", dir, "studio:/"}, "--remote-godwit"},
		{[]string{"ls", "--ssh", "", "ada@host:"}, "--ssh is empty"},
		{[]string{"serve", "--host", "a b", dir}, "no name or address"},
		{[]string{"serve", "--host", "h:33001", dir}, "without its port"},
		{[]string{"serve", "--host", "", dir}, "--host is empty"},
		{[]string{"serve", "--identity", "", dir}, "--identity is empty"},
	} {
		out, code := ends(t, c.args...)
		if code == exitOK || !strings.Contains(out, c.says) {
			t.Errorf("godwit %s: exit code %d: %s", strings.Join(c.args, " "), code, out)
		}
	}
}

func TestAddressesNameTheFileThatIsMeant(t *testing.T) {
	t.Parallel()
	const node, ssh = "godwit://h:33001/", "ssh://ada@h/"
	for written, path := range map[string]string{
		"a?b=c": "a?b=c", "a%20b": "a b", "100%25": "100%", "new\nline": "new\nline", "two words": "two words",
		"a%23b": "a#b", "bad%FF": "bad\xff", "sub/": "sub/",
	} {
		l, err := parseLocation(node + written)
		if err != nil || l.path != path {
			t.Errorf("%q: path %q, %v; want %q", node+written, l.path, err, path)
		}
		if l, err = parseLocation(ssh + written); err != nil || l.path != "/"+path {
			t.Errorf("%q: path %q, %v; want %q", ssh+written, l.path, err, "/"+path)
		}
	}
	for _, bad := range []string{node + "100%", ssh + "100%"} {
		if l, err := parseLocation(bad); err == nil || !strings.Contains(err.Error(), "%25") {
			t.Errorf("%q was taken for %q: %v", bad, l.path, err)
		}
	}
	for _, secret := range []string{"godwit://SECRET@h:1/100%", "ssh://ada:SECRET@h/100%", "ssh://ada:SECRET@h/x", "ssh://ada:SECRET@h:port/x", "ssh://ada:SECRET@h?x/y"} {
		if _, err := parseLocation(secret); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("an error tells the secret, or there is none: %v", err)
		}
	}
	if got := redact("godwit://SECRET@h:1/mail@home"); got != "godwit://…@h:1/mail@home" {
		t.Errorf("%s", got)
	}
}
