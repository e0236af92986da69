package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someProgram = "godwit-manager=https://files.example.org/m#sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestCloudConfigIsOfWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "first")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args      []string
		has, lack []string
	}{
		{
			[]string{"--cloud", "aws", "--program", someProgram, "--first-boot-script", script, "--", "--public-url", "https://a:8443", "--dns-listen", "0.0.0.0:53"},
			[]string{"install godwit-manager 'https://files.example.org/m' 0123", "echo mine", `"--public-url" "https://a:8443"`, "AmbientCapabilities=CAP_NET_BIND_SERVICE", "  - postgresql"},
			[]string{"GODWIT_DATABASE_URL"},
		},
		{
			[]string{"--database-url", "postgres://u@h/d", "--", "--listen", "0.0.0.0:8443"},
			[]string{`GODWIT_DATABASE_URL="postgres://u@h/d"`}, []string{"- postgresql", "AmbientCapabilities", "fetch"},
		},
		{[]string{"--postgres", "image"}, []string{"the image has no /usr/bin/godwit-manager"}, []string{"- postgresql", "ExecStart=\n"}},
	} {
		out, err := command(t, append([]string{"cloud-config"}, row.args...)...).Output()
		if err != nil {
			t.Errorf("%v: %v", row.args, err)
		}
		for _, text := range row.has {
			if !strings.Contains(string(out), text) {
				t.Errorf("%v: %q is not in\n%s", row.args, text, out)
			}
		}
		for _, text := range row.lack {
			if strings.Contains(string(out), text) {
				t.Errorf("%v: %q is in\n%s", row.args, text, out)
			}
		}
	}
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"--cloud", "moon"}, "moon"},
		{[]string{"--program", "godwit-manager=https://a/b"}, "NAME=URL#sha256=HEX"},
		{[]string{"--postgres", "maybe"}, "maybe"},
		{[]string{"--", "--pubic-url", "https://a:1"}, "--pubic-url"},
		{[]string{"--", "serve"}, "serve"},
		{[]string{"serve"}, "behind --"},
		{[]string{"--", "-h"}, "serve --help"},
		{[]string{"--first-boot-script", "/nonexistent"}, "/nonexistent"},
	} {
		out, err := command(t, append([]string{"cloud-config"}, row.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), row.says) {
			t.Errorf("%v: %v %s", row.args, err, out)
		}
	}
}
