package transfer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return key
}

// listing of a tree, to see that a refused request changed nothing.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		out = append(out, p)
		return err
	}))
	return out
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "f"), 100)
	mine, other := newKey(t), newKey(t)
	verifier := AccessKeyVerifier("s3cret")
	n := startNode(t, root, func(_ *ServerConfig, g *grants) {
		g.allow = func(c Credential, r Request) error {
			switch {
			case c.Token == "expired":
				return newError(CodeExpired, "the token has expired", nil)
			case c.Token == "ended":
				return newError(CodeEnded, "the transfer has ended", nil)
			case c.Token == "bound" && bytes.Equal(c.ClientKey, mine.Public().(ed25519.PublicKey)):
				return nil
			case c.AccessKey == "AK1" && CheckAccessKeyProof(verifier, c):
				return nil
			}
			return newError(CodeUnauthorized, "the token is not valid", nil)
		}
	})
	before := listing(t, root)
	for _, tc := range []struct {
		name   string
		change func(*Client, *Spec)
		want   Code
	}{
		{"wrong token", func(_ *Client, s *Spec) { s.Token = "wrong" }, CodeUnauthorized},
		{"expired token", func(_ *Client, s *Spec) { s.Token = "expired" }, CodeExpired},
		{"token of an ended transfer", func(_ *Client, s *Spec) { s.Token = "ended" }, CodeEnded},
		{"token bound to another client's key", func(c *Client, s *Spec) { s.Token = "bound"; c.Key = other }, CodeUnauthorized},
		{"bound token without a key", func(_ *Client, s *Spec) { s.Token = "bound" }, CodeUnauthorized},
		{"bound token with its key", func(c *Client, s *Spec) { s.Token = "bound"; c.Key = mine }, ""},
		{"access key with another secret", func(_ *Client, s *Spec) { s.Token, s.AccessKey, s.Secret = "", "AK1", "guess" }, CodeUnauthorized},
		{"access key with its secret", func(_ *Client, s *Spec) { s.Token, s.AccessKey, s.Secret = "", "AK1", "s3cret" }, ""},
		{"another certificate", func(_ *Client, s *Spec) { s.CertSHA256 = strings.Repeat("ab", 32) }, CodeCertificate},
		{"no pin and an unknown authority", func(c *Client, s *Spec) { s.CertSHA256 = ""; c.RootCAs = x509.NewCertPool() }, CodeCertificate},
		{"nobody there", func(_ *Client, s *Spec) { s.Port = 1 }, CodeUnreachable},
		{"a spec that makes no sense", func(_ *Client, s *Spec) { s.Port = 0 }, CodeInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, n)
			spec := n.spec
			tc.change(c, &spec)
			c.Specs = func(context.Context, Attempt) (Spec, error) { return spec, nil }
			for _, job := range []Job{
				{Direction: Pull, Sources: []string{"f"}, Destination: t.TempDir(), Options: Options{Retries: -1}},
				{Direction: Push, Sources: []string{filepath.Join(root, "f")}, Destination: "f", Options: Options{Retries: -1}},
			} {
				if _, err := run(t, c, job); CodeOf(err) != tc.want {
					t.Errorf("%s: %v (%q), want %q", job.Direction, err, CodeOf(err), tc.want)
				}
			}
			if _, _, err := c.List(t.Context(), spec, "", ListOptions{}); CodeOf(err) != tc.want {
				t.Errorf("list: %v, want %q", err, tc.want)
			}
		})
	}
	t.Cleanup(func() {
		if after := listing(t, root); !slices.Equal(before, after) {
			t.Errorf("the node's files changed: %v, were %v", after, before)
		}
	})
}

func TestPathsNeverLeaveTheRoot(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), 50)
	root := filepath.Join(outside, "root")
	write(t, filepath.Join(root, "in/f"), 50)
	must(t, os.Symlink("../secret", filepath.Join(root, "leak")))
	must(t, os.Symlink(outside, filepath.Join(root, "door")))
	n := startNode(t, root, nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 10)
	before := listing(t, outside)
	for _, p := range []string{"../secret", "in/../../secret", "a\x00b", "in/..", strings.Repeat("x", 5000)} {
		job := Job{Direction: Pull, Sources: []string{p}, Destination: t.TempDir()}
		if _, err := run(t, client(t, n), job); CodeOf(err) != CodePath {
			t.Errorf("pull of %.20q: %v", p, err)
		}
		job = Job{Direction: Push, Sources: []string{src}, Destination: p}
		if _, err := run(t, client(t, n), job); CodeOf(err) != CodePath {
			t.Errorf("push to %.20q: %v", p, err)
		}
		if _, _, err := client(t, n).List(t.Context(), n.spec, p, ListOptions{}); CodeOf(err) != CodePath {
			t.Errorf("list of %.20q: %v", p, err)
		}
	}
	// Links at the node lead nowhere, whoever follows them.
	for _, p := range []string{"door/secret", "door"} {
		out := t.TempDir()
		r, err := run(t, client(t, n), Job{Direction: Pull, Sources: []string{p}, Destination: out, Options: Options{Symlinks: SymlinksFollow}})
		if err == nil && len(r.Failed) == 0 {
			t.Errorf("pull of %s: %+v %v", p, r, listing(t, out))
		}
	}
	r, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "door/"})
	if err == nil && len(r.Failed) == 0 {
		t.Errorf("push through a link that leads outside: %+v", r)
	}
	// A copied link stays a link; what it points to does not travel.
	out := t.TempDir()
	mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"leak"}, Destination: out + "/"})
	if to, err := os.Readlink(filepath.Join(out, "leak")); err != nil || to != "../secret" {
		t.Errorf("copied link: %q %v", to, err)
	}
	if after := listing(t, outside); !slices.Equal(before, after) {
		t.Errorf("files changed: %v, were %v", after, before)
	}
}

func TestGrantLimitsPathsAndDirections(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "base/in/f"), 10)
	write(t, filepath.Join(root, "base/other/f"), 10)
	write(t, filepath.Join(root, "f"), 10)
	n := startNode(t, root, func(_ *ServerConfig, g *grants) {
		g.grant.BasePath, g.grant.Paths, g.grant.Directions = "base", []string{"in"}, []Direction{Pull}
		g.grant.MaxRate, g.grant.MaxPolicy = 50e6, Fair
	})
	for _, tc := range []struct {
		job  Job
		want Code
	}{
		{Job{Direction: Pull, Sources: []string{"in/f"}}, ""},
		{Job{Direction: Pull, Sources: []string{"in/f"}, Options: Options{Policy: Fixed, Rate: 1e9}}, ""},
		{Job{Direction: Pull, Sources: []string{"in", "other"}}, CodeUnauthorized},
		{Job{Direction: Pull, Sources: []string{"inside"}}, CodeUnauthorized},
		{Job{Direction: Pull, Sources: []string{""}}, CodeUnauthorized},
		{Job{Direction: Push, Sources: []string{filepath.Join(root, "f")}, Destination: "in/"}, CodeUnauthorized},
		{Job{Direction: Pull, Sources: []string{"in/missing"}}, CodeNotFound},
	} {
		if tc.job.Direction == Pull {
			tc.job.Destination = t.TempDir()
		}
		if _, err := run(t, client(t, n), tc.job); CodeOf(err) != tc.want {
			t.Errorf("%s %v: %v, want %q", tc.job.Direction, tc.job.Sources, err, tc.want)
		}
	}
}

func TestUnreadableAndUnwritableFilesFailAlone(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := t.TempDir()
	write(t, filepath.Join(src, "good"), 1000)
	// A socket cannot be sent; root may read any file, so that this is the
	// unreadable source that every user has.
	l, err := net.Listen("unix", filepath.Join(src, "socket"))
	must(t, err)
	defer l.Close()
	// A directory where the file should go cannot be replaced.
	write(t, filepath.Join(src, "taken"), 1000)
	must(t, os.MkdirAll(filepath.Join(n.root, "in/taken/child"), 0o755))
	r, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"})
	if err != nil || r.Files != 1 || len(r.Failed) != 2 {
		t.Fatalf("push: %+v %v", r, err)
	}
	for _, f := range r.Failed {
		if f.Code != CodeDenied && f.Code != CodeIO || f.Message == "" {
			t.Errorf("failure without a reason: %+v", f)
		}
	}
	if _, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{filepath.Join(src, "missing")}, Destination: "in"}); CodeOf(err) != CodeNotFound {
		t.Errorf("missing source: %v", err)
	}
}

func TestStrangersDatagramsDoNoHarm(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 6<<20)
	stop := make(chan struct{})
	flooded := make(chan int)
	go func() {
		conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", n.spec.Port))
		if err != nil {
			flooded <- 0
			return
		}
		defer conn.Close()
		sent, b := 0, make([]byte, 1472)
		for ; ; sent++ {
			select {
			case <-stop:
				flooded <- sent
				return
			default:
			}
			_, _ = rand.Read(b[:64])
			b[0] = 0x40 | b[0]&1 // looks like one of ours
			_, _ = conn.Write(b)
			if sent%50 == 49 {
				time.Sleep(time.Millisecond) // leave the shared test machine some air
			}
		}
	}()
	r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "f", Options: slow})
	close(stop)
	if sent := <-flooded; sent < 100 {
		t.Fatalf("only %d strange datagrams were sent", sent)
	}
	if r.Files != 1 {
		t.Errorf("result: %+v", r)
	}
	if n.Totals().Stray == 0 {
		t.Error("no stray datagram was counted")
	}
	same(t, filepath.Dir(src), n.root)
}

func TestGarbageOnTheControlPortIsDropped(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.spec.Port))
	must(t, err)
	defer conn.Close()
	_, _ = conn.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 10))
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	for b := make([]byte, 100); ; {
		if _, err := conn.Read(b); err != nil {
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				t.Error("the node keeps a connection that speaks no TLS")
			}
			return
		}
	}
}

func TestOverwritePolicies(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 100)
	at := filepath.Join(n.root, "f")
	for _, tc := range []struct {
		policy Overwrite
		there  time.Duration // age of the destination's file relative to the source
		want   bool
	}{
		{OverwriteNever, -time.Hour, false},
		{OverwriteAlways, 0, true},
		{OverwriteDiff, 0, false},
		{OverwriteDiff, time.Hour, true},
		{OverwriteOlder, time.Hour, false},
		{OverwriteOlder, -time.Hour, true},
		{OverwriteDiffOrOlder, -time.Hour, true},
	} {
		fi, err := os.Stat(src)
		must(t, err)
		write(t, at, 100)
		must(t, os.Chtimes(at, time.Time{}, fi.ModTime().Add(tc.there)))
		r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "f", Options: Options{Overwrite: tc.policy}})
		if got := r.Files == 1; got != tc.want || r.Skipped == 1 == tc.want {
			t.Errorf("%s, destination %v younger: %+v, want replaced %v", tc.policy, tc.there, r, tc.want)
		}
	}
}

func TestListShowsPagesOfADirectory(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	for i := range 25 {
		write(t, filepath.Join(n.root, "d", fmt.Sprintf("%02d", i)), i)
	}
	must(t, os.Mkdir(filepath.Join(n.root, "d/sub"), 0o755))
	must(t, os.Symlink("00", filepath.Join(n.root, "d/zlink")))
	var names []string
	for after, more := "", true; more; {
		var page []Entry
		var err error
		page, more, err = client(t, n).List(t.Context(), n.spec, "/d", ListOptions{After: after, Limit: 10})
		must(t, err)
		for _, e := range page {
			names = append(names, e.Path+":"+e.Type)
			after = e.Path
		}
	}
	if len(names) != 27 || names[0] != "00:file" || names[25] != "sub:dir" || names[26] != "zlink:symlink" {
		t.Errorf("names: %v", names)
	}
	if _, _, err := client(t, n).List(t.Context(), n.spec, "missing", ListOptions{}); CodeOf(err) != CodeNotFound {
		t.Errorf("missing directory: %v", err)
	}
}
