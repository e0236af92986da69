package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// probes runs a probe and reads its report.
func probes(t *testing.T, args ...string) pathReport {
	t.Helper()
	out := runs(t, append([]string{"probe", "--json", "--time", "300ms"}, args...)...)
	var r pathReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

func TestProbeSaysWhatAPathCanDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, "--write", dir)
	r := probes(t, "--rate", "50M", s.address)
	if r.UDP != "open" || r.RTT <= 0 || strings.Contains(r.Target, s.address[len("godwit://"):40]) {
		t.Errorf("%+v", r)
	}
	for name, w := range map[string]*wayReport{"up": r.Up, "down": r.Down} {
		if w == nil || w.Transport != "udp" || w.Rate <= 0 || w.Rate > 400e6 || w.Datagram < 1232 || w.RTT <= 0 {
			t.Errorf("%s: %+v", name, w)
		}
	}
	r = probes(t, "--rate", "50M", "--up", "--transport", "tcp", s.address)
	if r.UDP != "unknown" || r.Down != nil || r.Up == nil || r.Up.Transport != "tcp" || r.Up.Rate <= 0 || r.Up.Datagram != 0 {
		t.Errorf("over TCP: %+v, up %+v", r, r.Up)
	}
	if got := contents(t, dir); len(got) != 0 {
		t.Errorf("a probe wrote %d files", len(got))
	}
}

func TestProbeTriesWhatItMay(t *testing.T) {
	t.Parallel()
	reads := serve(t, t.TempDir())
	r := probes(t, "--rate", "20M", reads.address)
	if r.Up == nil || r.Up.Refused == "" || r.Down == nil || r.Down.Rate <= 0 || r.UDP != "open" {
		t.Errorf("up %+v, down %+v", r.Up, r.Down)
	}
	if out, code := ends(t, "probe", "--up", reads.address); code != exitAuth {
		t.Errorf("only what it may not: exit %d, %s", code, out)
	}
	for _, bad := range [][]string{{"./here"}, {"--time", "1h", reads.address}, {"--time", "-1s", reads.address}} {
		if out, code := ends(t, append([]string{"probe"}, bad...)...); code != exitUsage {
			t.Errorf("%v: exit %d, %s", bad, code, out)
		}
	}
}

func TestProbeOverSSH(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	args := append([]string{"--rate", "20M", "--down"}, s.flags...)
	r := probes(t, append(args, strings.TrimSuffix(s.at(""), ":"))...)
	if r.UDP != "open" || r.Up != nil || r.Down == nil || r.Down.Rate <= 0 {
		t.Errorf("%+v, down %+v", r, r.Down)
	}
	args = append([]string{"--rate", "20M", "--up", "--transport", "tcp"}, s.flags...)
	if r = probes(t, append(args, s.at(""))...); r.Up == nil || r.Up.Transport != "ssh" {
		t.Errorf("through ssh: %+v, up %+v", r, r.Up)
	}
}
