package main

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godwit/godwit/cmd/godwit/internal/invite"
)

// location is one source or destination on the command line: a path here, a
// path in a cluster, or a path on a node that is addressed directly.
type location struct {
	raw     string
	cluster string     // name; "" with remote set means the only one
	node    string     // host:port
	pin     string     // hex SHA-256 of the node's certificate
	key     invite.Key // of a server that godwit serve runs; invited is set then
	path    string
	remote  bool
	invited bool
}

// parseLocation reads PATH, CLUSTER:PATH, :PATH, godwit://KEY@HOST:PORT/PATH or
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
		u, err := url.Parse(s)
		if err != nil {
			return l, usagef("%q: %v", s, err)
		}
		if u.User != nil {
			if l.key, err = invite.ParseKey(u.User.String()); err != nil {
				return l, usagef("%s: %v", redact(s), err)
			}
			l.invited = true
			if u.Fragment != "" {
				return l, usagef("%s: an address with a key names its certificate already: leave out what follows #", redact(s))
			}
		}
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil || host == "" {
			return l, usagef("%q: write godwit://HOST:PORT/PATH", s)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return l, usagef("%q: %q is no port", s, port)
		}
		fingerprint, ok := strings.CutPrefix(u.Fragment, "sha256=")
		if u.Fragment != "" && !ok {
			return l, usagef("%q: the part after # must be sha256=FINGERPRINT", s)
		}
		l.remote, l.node, l.pin, l.path = true, u.Host, fingerprint, strings.TrimPrefix(u.Path, "/")
		return l, nil
	}
	name, rest, found := strings.Cut(s, ":")
	if !found || strings.ContainsAny(name, `/\`) || filepath.VolumeName(s) != "" {
		return l, nil
	}
	if strings.Contains(name, "@") {
		return l, usagef("%q looks like an ssh destination, which this release does not speak; write CLUSTER:PATH, or ./%s for a file of that name", s, s)
	}
	l.remote, l.cluster, l.path = true, name, rest
	return l, nil
}

// place is where l is, whatever its path.
func (l location) place() location {
	l.raw, l.path = "", ""
	return l
}

// redact is an address without its key, for messages.
func redact(s string) string {
	at := strings.LastIndexByte(s, '@')
	scheme, _, found := strings.Cut(s, "://")
	if at < 0 || !found {
		return s
	}
	return scheme + "://…" + s[at:]
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
