package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/invite"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/transfer"
)

func TestMain(m *testing.M) {
	_ = os.Setenv(memoryEnv, "off") // the cache of whoever runs the tests is not theirs
	testscript.Main(m, map[string]func(){"godwit": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv(memoryEnv, "off")
			e.Setenv("GODWIT_CONFIG", filepath.Join(e.WorkDir, "profiles.json"))
			return nil
		},
	})
}

func TestLocationsSayWhichSideIsRemote(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want location
	}{
		{"studio:/a/b", location{remote: true, cluster: "studio", path: "/a/b"}},
		{"studio:", location{remote: true, cluster: "studio"}},
		{":/a", location{remote: true, path: "/a"}},
		{"./a:b", location{path: "./a:b"}},
		{"dir/a:b", location{path: "dir/a:b"}},
		{"plain", location{path: "plain"}},
		{"godwit://[::1]:33001/in/x#sha256=ab", location{remote: true, node: "[::1]:33001", pin: "ab", path: "in/x"}},
	} {
		got, err := parseLocation(tc.in)
		tc.want.raw = tc.in
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
	}
	id, err := invite.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := parseLocation(id.Key.Address("[::1]:33001") + "in/x")
	if err != nil || !l.invited || l.key != id.Key || l.node != "[::1]:33001" || l.path != "in/x" {
		t.Errorf("%+v, %v", l, err)
	}
	for _, bad := range []string{"godwit://key@h:1/x", id.Key.Address("h:1") + "#sha256=00", "", "godwit://host/x", "godwit://:1/x", "godwit://h:99999/x", "godwit://h:1/x#md5=1"} {
		if l, err := parseLocation(bad); err == nil {
			t.Errorf("%q was taken for %+v", bad, l)
		}
	}
}

func TestRatesReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bitRate{
		"500M": 500e6, "1.5G": 1.5e9, "800k": 800e3, "0": 0, "1000": 1000, "10 Mbit/s": 10e6, "2Gbps": 2e9,
	} {
		var r bitRate
		if err := r.Set(in); err != nil || r != want {
			t.Errorf("%s: %d, %v; want %d", in, r, err, want)
		}
		var again bitRate
		if err := again.Set(r.String()); err != nil || again != r {
			t.Errorf("%s written as %s reads %d", in, r.String(), again)
		}
	}
	for _, bad := range []string{"", "fast", "-1", "1T", "NaN", "1e400", "9999999999G"} {
		var r bitRate
		if err := r.Set(bad); err == nil {
			t.Errorf("%q was taken for %d", bad, r)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, s := range []string{"a:b", ":", "godwit://h:1/p#sha256=00", "C:\\x", "u@h:/x", "./a:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseLocation(s)
		if err == nil && !l.remote && l.path != s {
			t.Errorf("a local path %q became %q", s, l.path)
		}
	})
}

func TestWrongUsageAndUnknownCertificatesHaveTheirExitCodes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"cluster create d2": exitUsage, "apply": exitUsage, "key create x": exitUsage, "template validate": exitUsage,
		"certificate set studio --chain a": exitUsage, "login https://h:1 --user a --key b": exitUsage,
	} {
		if got := run(t.Context(), strings.Fields(line), streams{strings.NewReader(""), io.Discard, io.Discard}); got != want {
			t.Errorf("godwit %s: %d, want %d", line, got, want)
		}
	}
	unknown := &client.Unreachable{URL: "https://h", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
	if got := exitCode(unknown); got != exitAuth {
		t.Errorf("a certificate that nobody knows: %d", got)
	}
	if manager, node := hintFor(unknown), hintFor(unknown.Err); !strings.Contains(manager, "https://") || !strings.Contains(node, "godwit://") {
		t.Errorf("what to write: of a manager %q, of a node %q", manager, node)
	}
	other := &client.Unreachable{URL: "https://h", Err: &tls.CertificateVerificationError{Err: pin.ErrMismatch}}
	if unpinned(other) {
		t.Error("another cluster's certificate is taken for a lack of a fingerprint")
	}
}

// TestWhatATerminalObeysIsNotPrintedRaw: names are anybody's and messages are a node's,
// and both would else set a title, move the cursor or answer for the user.
func TestWhatATerminalObeysIsNotPrintedRaw(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	s := streams{strings.NewReader(""), io.Discard, &said}
	for _, args := range [][]string{
		{"cp", "missing\x1b]0;title\a", "studio:"},
		{"cp", "a", "b\x1b[2J"},
		{"cp", "--fro\x1b[2Jbnicate", "a", "studio:"},
	} {
		if run(t.Context(), args, s) == exitOK {
			t.Errorf("%q is done", args)
		}
	}
	p := newProgress(s, &copyFlags{})
	p.event(transfer.Event{Kind: transfer.EventWaiting, Err: errors.New("the node said \x1b[2J")})
	p.event(transfer.Event{Kind: transfer.EventMoved, Err: errors.New("the node said \u009b2J")})
	if strings.ContainsFunc(said.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !strings.Contains(said.String(), `said \x1b[2J`) {
		t.Errorf("%q", said.String())
	}
	if !strings.Contains(said.String(), "\n        see: godwit cp --help\n") {
		t.Errorf("an error lost its lines: %q", said.String())
	}
}
