package main

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/godwit/godwit/cmd/godwit/internal/channel"
	"github.com/godwit/godwit/cmd/godwit/internal/invite"
)

// location is one source or destination on the command line: a path here, in a
// cluster, on a node that is addressed directly, or on a machine behind ssh.
type location struct {
	raw     string
	cluster string     // name; "" with remote set means the only one
	node    string     // host:port
	pin     string     // hex SHA-256 of the node's certificate
	key     invite.Key // of a server that godwit serve runs; invited is set then
	ssh     channel.Host
	path    string
	remote  bool
	invited bool
}

// shown is what was written, without the secret of a server's address.
func (l location) shown() string {
	if l.ssh.Name != "" {
		return l.raw
	}
	return redact(l.raw)
}

// parseLocation reads PATH, CLUSTER:PATH, :PATH, USER@HOST:PATH,
// ssh://[USER@]HOST[:PORT]/PATH, godwit://KEY@HOST:PORT/PATH or
// godwit://HOST:PORT/PATH#sha256=PIN; random://SIZE and zero://SIZE are sources
// here that are made up. A path with a colon in its first element
// is written ./a:b.
func parseLocation(s string) (location, error) {
	l := location{raw: s, path: s}
	if s == "" {
		return l, usagef("an empty path names nothing; write . for this directory")
	}
	if strings.HasPrefix(s, "random://") || strings.HasPrefix(s, "zero://") {
		return l, nil
	}
	if strings.HasPrefix(s, "godwit://") {
		return parseNode(l)
	}
	if strings.HasPrefix(s, "ssh://") {
		return parseSSH(l)
	}
	if m := bracketed.FindStringSubmatch(s); m != nil { // USER@[ADDRESS]:PATH
		return l.behind(channel.Host{Name: m[1] + m[2]}, m[3])
	}
	name, rest, found := strings.Cut(s, ":")
	if !found || strings.ContainsAny(name, `/\`) || filepath.VolumeName(s) != "" {
		return l, nil
	}
	if strings.Contains(name, "@") {
		return l.behind(channel.Host{Name: name}, rest)
	}
	l.remote, l.cluster, l.path = true, name, rest
	return l, nil
}

// parseNode reads godwit://KEY@HOST:PORT/PATH or godwit://HOST:PORT/PATH#sha256=PIN.
func parseNode(l location) (location, error) {
	text, fragment, _ := strings.Cut(strings.TrimPrefix(l.raw, "godwit://"), "#")
	authority, path, err := cutURL(text)
	if err != nil {
		return l, usagef("%s: %v", l.shown(), err)
	}
	key, at, invited := strings.Cut(authority, "@")
	if !invited {
		at = authority
	} else {
		if l.key, err = invite.ParseKey(key); err != nil {
			return l, usagef("%s: %v", l.shown(), err)
		}
		l.invited = true
		if fragment != "" {
			return l, usagef("%s: an address with a key names its certificate already: leave out what follows #, or write %%23 for a # in a name", l.shown())
		}
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil || host == "" || strings.ContainsAny(host, " \t\n/@?") {
		return l, usagef("%q: write godwit://HOST:PORT/PATH", l.shown())
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return l, usagef("%q: %q is no port", l.shown(), port)
	}
	fingerprint, ok := strings.CutPrefix(fragment, "sha256=")
	if fragment != "" && !ok {
		return l, usagef("%q: the part after # must be sha256=FINGERPRINT; write %%23 for a # in a name", l.shown())
	}
	l.remote, l.node, l.pin, l.path = true, at, fingerprint, path
	return l, nil
}

// cutURL splits what follows the scheme into the authority and the path, without
// the slash between them. In the path %XX is a byte; all else, a question mark too,
// is itself.
func cutURL(text string) (authority, path string, err error) {
	authority, path, _ = strings.Cut(text, "/")
	if path, err = url.PathUnescape(path); err != nil {
		return "", "", fmt.Errorf("%w: write %%25 for a percent sign in a name", err)
	}
	return authority, path, nil
}

// place is where l is, whatever its path.
func (l location) place() location {
	l.raw, l.path = "", ""
	return l
}

var bracketed = regexp.MustCompile(`^([^/\\:@]+@)\[([0-9A-Fa-f:.]+(?:%[^/\]]+)?)\]:(.*)$`)

// parseSSH reads ssh://[USER@]HOST[:PORT]/PATH, in which /~/ is the home
// directory.
func parseSSH(l location) (location, error) {
	authority, path, err := cutURL(strings.TrimPrefix(l.raw, "ssh://"))
	if err != nil {
		return l, usagef("%s: %v", redact(l.raw), err)
	}
	u, err := url.Parse("ssh://" + authority)
	if err != nil || strings.ContainsAny(authority, "?#") {
		return l, usagef("%s: write ssh://[USER@]HOST[:PORT]/PATH", redact("ssh://"+authority))
	}
	if _, secret := u.User.Password(); secret {
		return l, usagef("ssh://…@%s: ssh takes no password from a command line; it asks for it, or use a key", u.Host)
	}
	h := channel.Host{Name: u.Hostname()}
	if name := u.User.Username(); name != "" {
		h.Name = name + "@" + h.Name
	}
	if u.Hostname() == "" {
		return l, usagef("%q: write ssh://HOST/PATH", l.raw)
	}
	if port := u.Port(); port != "" {
		if h.Port, err = strconv.Atoi(port); err != nil || h.Port < 1 || h.Port > 65535 {
			return l, usagef("%q: %q is no port", l.raw, port)
		}
	}
	switch {
	case !strings.Contains(strings.TrimPrefix(l.raw, "ssh://"), "/"): // the home directory
	case path != "~" && !strings.HasPrefix(path, "~/"):
		path = "/" + path
	}
	return l.behind(h, path)
}

// behind is a path on a machine that ssh reaches.
func (l location) behind(h channel.Host, path string) (location, error) {
	if !h.Valid() {
		return l, usagef("%q: %q is no host for ssh", l.raw, h.Name)
	}
	p, err := homePath(path)
	l.remote, l.ssh, l.path = true, h, p
	return l, err
}

// redact is an address without what stands before its host, for messages: that is a
// key, or a password that somebody wrote there.
func redact(s string) string {
	scheme, rest, isURL := strings.Cut(s, "://")
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if !isURL || at < 0 {
		return s
	}
	return scheme + "://…" + rest[at:]
}

// hostPort is where a node that is addressed directly listens.
func (l location) hostPort() (string, int, error) {
	host, port, err := net.SplitHostPort(l.node)
	if err != nil {
		return "", 0, usageError{err}
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return "", 0, usageError{err}
	}
	return host, n, nil
}
