package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/cmd/godwit/internal/invite"
	"github.com/godwit/godwit/internal/realpath"
	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/packetio"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	listen    string
	host      string
	identity  string
	root      string
	write     bool
	writeOnly bool
	readOnly  bool
	stdio     bool
	once      bool
	quiet     bool
	rate      bitRate
	lasts     time.Duration
	memory    bool
}

// servePort is tried when --listen says nothing.
const servePort = 33001

func newServe(a *app) *cobra.Command {
	var fl serveFlags
	c := &cobra.Command{
		Use:   "serve [flags] DIR | serve --stdio [--root DIR]",
		Short: "Serve a directory to whoever is given its address",
		Long: `serve hands out what is in DIR, without a manager, until it is interrupted. It prints
one line: the address, which holds the server's certificate and a secret. Whoever has
it can read what is in DIR, nothing else; with --write, change it too.

  godwit serve --write /srv/in
  godwit://0KEY…@192.0.2.7:33001/                     give this to somebody, who then runs
  godwit cp -r footage/ godwit://0KEY…@192.0.2.7:33001/
  godwit cp -r godwit://0KEY…@192.0.2.7:33001/footage .

Only the port is needed, TCP and UDP. The address is a secret and changes with each
start, unless --identity names a file to keep it in.

With --stdio it serves one session over its standard streams: that is what godwit cp
and godwit ls start through ssh for USER@HOST:PATH, where it reaches what the account
does. In authorized_keys it confines a key to a directory:

  command="godwit serve --stdio --root /srv/in --write-only",restrict ssh-ed25519 AAAA…`,
		Args: func(c *cobra.Command, args []string) error {
			if fl.stdio && len(args) > 0 {
				return usagef("--stdio takes its directory by --root, and %q is given", args[0])
			}
			if fl.stdio {
				return nil
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := refuseEmpty(c.Flags()); err != nil {
				return err
			}
			if err := fl.check(); err != nil {
				return err
			}
			if fl.stdio {
				return a.serveStdio(c.Context(), fl)
			}
			return a.serve(c.Context(), fl, args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&fl.listen, "listen", "", "[HOST]:PORT to listen on, TCP and UDP (default :33001, or a free port where that is taken)")
	f.StringVar(&fl.host, "host", "", "name or address of this machine to print, as clients know it")
	f.StringVar(&fl.identity, "identity", "", "file that keeps certificate and secret, made when missing: the address stays the same")
	f.BoolVar(&fl.readOnly, "read-only", false, "let clients read only; the default without --stdio")
	f.BoolVar(&fl.write, "write", false, "let clients write too; the default with --stdio")
	f.BoolVar(&fl.writeOnly, "write-only", false, "let clients write and neither read nor list")
	f.BoolVar(&fl.stdio, "stdio", false, "serve one session over the standard streams, as the far side of ssh")
	f.StringVar(&fl.root, "root", "", "with --stdio: the directory that is served (default: all that the account may)")
	f.BoolVar(&fl.once, "once", false, "end after the first transfer that is complete")
	f.DurationVar(&fl.lasts, "for", 0, "end after this time (2h, 30m)")
	f.Var(&fl.rate, "rate", "bandwidth that all clients share, each way, bits per second (500M, 2G); default: no limit")
	memoryFlag(f, &fl.memory)
	f.BoolVarP(&fl.quiet, "quiet", "q", false, "print the address and errors only")
	return c
}

// check refuses flags that contradict each other.
func (fl serveFlags) check() error {
	modes := 0
	for _, set := range []bool{fl.readOnly, fl.write, fl.writeOnly} {
		if set {
			modes++
		}
	}
	switch {
	case fl.host != "" && !hostName(bareHost(fl.host)):
		return usagef("--host %q is no name or address of a machine: write it alone, without its port, as in files.example.org or 192.0.2.7", fl.host)
	case fl.lasts < 0:
		return usagef("--for takes no time below 0")
	case modes > 1:
		return usagef("--read-only, --write and --write-only exclude each other")
	case fl.root != "" && !fl.stdio:
		return usagef("--root belongs to --stdio: write godwit serve %s", fl.root)
	case fl.stdio && (fl.once || fl.identity != "" || fl.lasts > 0 || fl.host != ""):
		return usagef("--stdio serves one session of a client that is there already: leave out --once, --identity, --for and --host")
	}
	return nil
}

// bareHost is a name or address without the brackets that IPv6 has in URLs.
func bareHost(s string) string {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		if inside, ok = strings.CutSuffix(inside, "]"); ok {
			return inside
		}
	}
	return s
}

// hostName reports whether s is an address or could be the name of a machine.
func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// directions are what clients may do; nil: everything.
func (fl serveFlags) directions(write bool) []transfer.Direction {
	switch {
	case fl.writeOnly:
		return []transfer.Direction{transfer.Push}
	case fl.write, write && !fl.readOnly:
		return nil
	}
	return []transfer.Direction{transfer.Pull, transfer.List}
}

// readable fails for what is no directory, or one that is closed to this account.
func readable(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// serve runs one stand-alone server.
func (a *app) serve(ctx context.Context, fl serveFlags, dir string) error {
	if err := readable(dir); err != nil {
		return &transfer.Error{Code: transfer.CodeNotFound, Message: fmt.Sprintf("cannot serve %s: it is no directory that can be read", dir), Err: err}
	}
	if fl.identity != "" && realpath.Within(fl.identity, dir) {
		return usagef("--identity %s lies in %s, where clients could fetch the secret: name a file outside", fl.identity, dir)
	}
	id, err := fl.loadIdentity()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if fl.lasts > 0 {
		ctx, cancel = context.WithTimeout(ctx, fl.lasts)
		defer cancel()
	}
	host := &standalone{app: a, flags: fl, dir: dir, key: id.Key, end: cancel}
	server, err := transfer.NewServer(transfer.ServerConfig{
		Authorizer:  transfer.AuthorizerFunc(host.authorize),
		Certificate: func() (*tls.Certificate, error) { return &id.Certificate, nil },
		SendCap:     int64(fl.rate), ReceiveCap: int64(fl.rate),
		Paths: pathMemory(fl.memory), OnEvent: host.event, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	tcp, udp, err := fl.open() //nolint:contextcheck // opening sockets does not wait
	if err != nil {
		return err
	}
	at, err := fl.advertise(tcp.Addr())
	if err != nil {
		return errors.Join(err, tcp.Close(), udp.Close())
	}
	if err := host.announce(at); err != nil {
		return errors.Join(fmt.Errorf("print the address: %w", err), tcp.Close(), udp.Close())
	}
	return server.Serve(ctx, tcp, udp)
}

func (fl serveFlags) loadIdentity() (invite.Identity, error) {
	if fl.identity == "" {
		return invite.New(time.Now())
	}
	return invite.Load(fl.identity, time.Now())
}

// open listens where the flags say.
func (fl serveFlags) open() (net.Listener, *packetio.Listener, error) {
	if fl.listen == "" {
		tcp, udp, err := transfer.Listen("", servePort)
		if errors.Is(err, syscall.EADDRINUSE) {
			return transfer.Listen("", 0)
		}
		return tcp, udp, err
	}
	host, port, err := net.SplitHostPort(fl.listen)
	if err != nil {
		return nil, nil, usagef("--listen %s: write HOST:PORT or :PORT", fl.listen)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return nil, nil, usagef("--listen %s: %q is no port", fl.listen, port)
	}
	tcp, udp, err := transfer.Listen(host, n)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("cannot listen on %s: another program has that port; give another one with --listen", fl.listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("cannot listen on %s: this machine has no such address; --listen :%s takes all that it has", fl.listen, port)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("cannot listen on %s: this account may not use that port; take one above 1023", fl.listen)
	}
	return tcp, udp, err
}

// advertise is how clients reach the listener at a: by the name that the flags give, by the address
// that it is bound to, or by that which this machine reaches others from.
func (fl serveFlags) advertise(a net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "", err
	}
	if fl.host != "" {
		return net.JoinHostPort(bareHost(fl.host), port), nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return net.JoinHostPort(host, port), nil
	}
	return net.JoinHostPort(ownAddress(), port), nil
}

// ownAddress is where this machine sends from, by its routes; nothing is sent.
func ownAddress() string {
	for _, to := range []string{"198.51.100.1:9", "[2001:db8::1]:9"} { // documentation addresses: routed as any other
		c, err := net.Dial("udp", to) //nolint:noctx // no packet leaves, nothing waits
		if err != nil {
			continue
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).IP.String()
	}
	return "127.0.0.1"
}

// standalone is a server without a manager: who may do what, and what is told.
type standalone struct {
	*app
	flags serveFlags
	dir   string
	key   invite.Key
	end   func()

	mu sync.Mutex // one line at a time
}

// authorize lets the holders of the key in.
func (h *standalone) authorize(_ context.Context, c transfer.Credential, _ transfer.Request) (transfer.Grant, error) {
	if !h.key.Verifies(c) {
		return transfer.Grant{}, &transfer.Error{Code: transfer.CodeUnauthorized, Message: "the key in the address is not this server's: ask for the address that it prints now"}
	}
	return transfer.Grant{
		Tenant: "serve", OpenRoot: func() (*os.Root, error) { return os.OpenRoot(h.dir) },
		Directions: h.flags.directions(false), Delete: h.flags.write,
		Preserve: []transfer.Attribute{transfer.KeepACLs, transfer.KeepXattrs},
	}, nil
}

// announce prints the address, alone on its line, and for people what it is good for.
func (h *standalone) announce(at string) error {
	may := []string{"read"}
	switch {
	case h.flags.writeOnly:
		may = []string{"write"}
	case h.flags.write:
		may = []string{"read", "write"}
	}
	if h.output != "table" {
		if err := h.print(invitation{Address: h.key.Address(at), Directory: h.dir, May: may}, nil); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintln(h.out, h.key.Address(at)); err != nil {
		return err
	}
	h.say("serving %s: who has this address may %s it; Ctrl-C ends", h.dir, strings.Join(may, " and "))
	return nil
}

// invitation is what programs are told with -o json and -o yaml.
type invitation struct {
	Address   string   `json:"address"`
	Directory string   `json:"directory"`
	May       []string `json:"may"` // read, write
}

func (h *standalone) say(format string, args ...any) {
	if h.flags.quiet {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.err, format+"\n", args...)
}

// event tells how sessions end.
func (h *standalone) event(e transfer.SessionEvent) {
	if e.Kind != transfer.SessionEnded {
		return
	}
	s := e.Session
	verb, to := "sent", "to"
	if s.Direction == transfer.Push {
		verb, to = "received", "from"
	}
	if s.DryRun {
		verb = "dry run: would have " + verb
	}
	line := fmt.Sprintf("%s %s, %s %s %s in %s", verb, count(s.Files, "file"), size(s.Bytes), to, s.Peer, brief(s.Ended.Sub(s.Started)))
	if s.Failed > 0 {
		line += fmt.Sprintf("; %d failed", s.Failed)
	}
	if s.Code != "" {
		line += ": " + printable(s.Message)
	}
	h.say("%s", line)
	if h.flags.once && s.Code == "" && !s.DryRun {
		h.end()
	}
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
