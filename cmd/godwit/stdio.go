package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/godwit/godwit/cmd/godwit/internal/channel"
	"github.com/godwit/godwit/internal/realpath"
	"github.com/godwit/godwit/transfer"
)

// serveStdio serves one session over the standard streams, as the far side of
// ssh. Whoever is there was let in by sshd and may do what the account may, or,
// below --root, what the mode says.
func (a *app) serveStdio(ctx context.Context, fl serveFlags) error {
	port := 0
	if fl.listen != "" {
		_, text, err := net.SplitHostPort(fl.listen)
		if err == nil {
			port, err = strconv.Atoi(text)
		}
		if err != nil || port < 0 || port > 65535 {
			return usagef("--listen %s: write :PORT, where datagrams are taken", fl.listen)
		}
	}
	far, err := newFar(fl)
	if err != nil {
		return err
	}
	server, err := transfer.NewServer(transfer.ServerConfig{
		Authorizer:  transfer.AuthorizerFunc(far.authorize),
		Certificate: func() (*tls.Certificate, error) { return nil, errors.New("ssh has no need of one") },
		Paths:       pathMemory(fl.memory),
		SendCap:     int64(fl.rate), ReceiveCap: int64(fl.rate), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	c, udp, err := channel.Far(port) //nolint:contextcheck // opening a socket does not wait
	if err != nil {
		return err
	}
	_ = server.ServeChannel(ctx, c, udp) // the client is told
	return nil
}

// far is whose files are served over ssh.
type far struct {
	root string // what is served
	home string // where relative paths begin, below root; "": at root
	may  []transfer.Direction
}

func newFar(fl serveFlags) (far, error) {
	f := far{root: fl.root, may: fl.directions(true)}
	if f.root == "" && runtime.GOOS == "windows" {
		f.root = "." // there is no root above all drives
	}
	if f.root != "" {
		info, err := os.Stat(f.root)
		if err != nil || !info.IsDir() {
			return f, &transfer.Error{Code: transfer.CodeNotFound, Message: "cannot serve " + f.root + ": it is no directory that can be read", Err: err}
		}
		return f, nil
	}
	home, err := os.Getwd()
	if err != nil {
		return f, err
	}
	f.root, f.home = "/", strings.Trim(home, "/")
	return f, nil
}

// authorize lets in whom sshd has let in.
func (f far) authorize(context.Context, transfer.Credential, transfer.Request) (transfer.Grant, error) {
	g := transfer.Grant{
		Tenant: "ssh", OpenRoot: func() (*os.Root, error) { return os.OpenRoot(f.root) }, Directions: f.may,
		Delete:   f.may == nil, // whoever may read and write
		Preserve: []transfer.Attribute{transfer.KeepOwners, transfer.KeepACLs, transfer.KeepXattrs},
		Resolve:  func(p string, _ bool) string { return f.below(p) },
	}
	if f.root == "/" {
		g.Resolve = f.resolve
	}
	return g, nil
}

// below is the path in root that a client's path names.
func (f far) below(p string) string {
	switch {
	case p == "~":
		p = f.home
	case strings.HasPrefix(p, "~/"):
		p = filepath.Join(f.home, p[2:])
	}
	if p == "" {
		return "."
	}
	return filepath.ToSlash(p)
}

// resolve also follows the links on the way, which may lead anywhere: the
// account may go there. The last one is followed to a directory only, if asked for.
func (f far) resolve(p string, follow bool) string {
	full := "/" + f.below(p)
	if info, err := os.Stat(full); follow && err == nil && info.IsDir() {
		return inRoot(realpath.Of(full))
	}
	return inRoot(filepath.Join(realpath.Of(filepath.Dir(full)), filepath.Base(full)))
}

func inRoot(p string) string {
	if p = strings.Trim(filepath.Clean(p), "/"); p == "" {
		return "."
	}
	return p
}
