package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer"
)

// events are the JSON lines that a command printed, in order; stderr is not read.
func events(t *testing.T, args ...string) (list []map[string]any, code int) {
	t.Helper()
	c := godwit(t, args...)
	out, err := c.Output()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("no JSON: %s", line)
		}
		list = append(list, e)
	}
	return list, c.ProcessState.ExitCode()
}

// manual are the fields that docs/cli.md promises of every event, and of the result.
func manual(t *testing.T) (every, result []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(from, to string) (out []string) {
		_, rest, found := strings.Cut(string(text), from)
		part, _, ends := strings.Cut(rest, to)
		if !found || !ends {
			t.Fatalf("docs/cli.md has no %q … %q", from, to)
		}
		for i, span := range strings.Split(part, "`") {
			if i%2 == 1 {
				out = append(out, span)
			}
		}
		return out
	}
	return names("Every event has ", ", and where they are known"), names("`result` has ", ", and where they are known")
}

func TestEveryFailureOfACopyWithJSONIsOneResult(t *testing.T) {
	t.Parallel()
	every, inResult := manual(t)
	src := sample(t)
	for _, tc := range []struct {
		args []string
		code transfer.Code
		exit int
	}{
		{[]string{"cp", "--json", "--frobnicate", "a", "b:"}, transfer.CodeInvalid, exitUsage},
		{[]string{"cp", "--frobnicate", "--json", "a", "b:"}, transfer.CodeInvalid, exitUsage},
		{[]string{"cp", "-o", "json", "a"}, transfer.CodeInvalid, exitUsage},
		{[]string{"cp", "--json", filepath.Join(src, "missing"), "b:"}, transfer.CodeNotFound, exitNotFound},
		{[]string{"cp", "--json", src, "b:"}, transfer.CodeInvalid, exitUsage},
		{[]string{"cp", "--json", "-r", src, "b:"}, transfer.CodeUnauthorized, exitAuth},
		{[]string{"cp", "--json", "-r", "--ssh", "false", src, "u@h:"}, transfer.CodeUnreachable, exitUnavailable},
		{[]string{"cp", "--json", "-r", "--ssh", "/nonexistent/ssh", src, "u@h:"}, transfer.CodeInvalid, exitUsage},
	} {
		list, exit := events(t, tc.args...)
		if len(list) != 1 || exit != tc.exit {
			t.Errorf("%q: exit %d, %d lines: %v", tc.args, exit, len(list), list)
			continue
		}
		e := list[0]
		if text, _ := e["error"].(string); e["event"] != "result" || e["code"] != string(tc.code) || text == "" {
			t.Errorf("%q: %v", tc.args, e)
		}
		holds(t, e, every)
		holds(t, e["result"], inResult)
	}
	for _, args := range [][]string{
		{"probe", "--json", "a:b:c:"}, {"cluster", "list", "-o", "json"}, {"-o", "json", "node", "get"},
		{"cluster", "list", "-o=json", "--frobnicate"}, {"cluster", "lst", "--output", "json"},
	} {
		if list, exit := events(t, args...); exit == exitOK || len(list) != 1 || list[0]["code"] == nil || list[0]["error"] == nil {
			t.Errorf("%q: exit %d, %v", args, exit, list)
		}
	}
	if list, exit := events(t, "cluster", "list"); exit != exitAuth || len(list) != 0 {
		t.Errorf("nobody asked for JSON: exit %d, %v", exit, list)
	}
	if list, _ := events(t, "cp", "a", "--", "--json"); len(list) != 0 {
		t.Errorf("a file named --json asks for JSON: %v", list)
	}
}

func holds(t *testing.T, object any, fields []string) {
	t.Helper()
	m, ok := object.(map[string]any)
	if !ok || len(fields) < 8 {
		t.Fatalf("%v, of which %q are promised", object, fields)
	}
	for _, f := range fields {
		if _, ok := m[f]; !ok {
			t.Errorf("%s is missing in %v", f, m)
		}
	}
}

func TestEventsHaveWhatTheManualSaysAndCountFilesOnly(t *testing.T) {
	t.Parallel()
	every, inResult := manual(t)
	src := sample(t) // three files, two directories
	to := serve(t, "--write", t.TempDir())
	list, exit := events(t, "cp", "--json", "-r", src, to.address)
	if exit != exitOK {
		t.Fatalf("exit %d: %v", exit, list)
	}
	var kinds []string
	for _, e := range list {
		holds(t, e, every)
		kinds = append(kinds, e["event"].(string))
		if e["files"].(float64) > e["files_total"].(float64) {
			t.Errorf("more files ended than were found: %v", e)
		}
	}
	last := list[len(list)-1]
	if kinds[0] != "session" || kinds[len(kinds)-1] != "result" || last["session_id"] != list[0]["session_id"] {
		t.Errorf("%v; the last is %v", kinds, last)
	}
	holds(t, last["result"], inResult)
	if last["files"] != 3.0 || last["files_total"] != 3.0 || last["bytes"] != last["total"] || last["result"].(map[string]any)["files"] != 3.0 {
		t.Errorf("three files in two directories: %v", last)
	}
}

func TestASessionThatEndedIsNamedAfterItsNode(t *testing.T) {
	t.Parallel()
	for node, begins := range map[string]string{"": "the session ended (gone)", "n1": "the session with n1 ended (gone)"} {
		if got := movedLine(node, errors.New("gone")); !strings.HasPrefix(got, begins) {
			t.Errorf("%q", got)
		}
	}
}

func TestServeTellsProgramsItsAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := runs(t, "serve", "-o", "json", "-q", "--write", "--host", "[::1]", "--listen", "127.0.0.1:0", "--for", "1ms", dir)
	var got invitation
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := parseLocation(got.Address)
	if err != nil || !l.invited || !strings.HasPrefix(l.node, "[::1]:") || got.Directory != dir || !slices.Equal(got.May, []string{"read", "write"}) {
		t.Errorf("%+v, %+v, %v", got, l, err)
	}
}

func TestWhatIsNoFileFailsOnce(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(src, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	to := serve(t, "--write", t.TempDir())
	c := godwit(t, "cp", "-r", src+"/", to.address)
	var out, said strings.Builder
	c.Stdout, c.Stderr = &out, &said
	_ = c.Run()
	if c.ProcessState.ExitCode() != exitPartial || out.Len() > 0 || strings.Count(said.String(), "socket:") != 1 {
		t.Errorf("exit %d, %q, %q", c.ProcessState.ExitCode(), out.String(), said.String())
	}
}

// TestEventsThatAreLostAreAFailure: the files arrive, but a script that reads the
// events must not take those that it got for all.
func TestEventsThatAreLostAreAFailure(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no output that takes nothing: %v", err)
	}
	defer full.Close()
	src, there := sample(t), t.TempDir()
	s := serve(t, "--write", there)
	for _, how := range []string{"--dry-run", "--json"} {
		c := godwit(t, "cp", how, "-r", src+"/", s.address)
		c.Stdout = full
		if err := c.Run(); c.ProcessState.ExitCode() != exitFailed {
			t.Errorf("%s: %v", how, err)
		}
	}
	alike(t, src, there)
}
