package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"
)

// ServerConfig of a Server. Zone and Listen are required.
type ServerConfig struct {
	// Zone that the server is the authority for.
	Zone string
	// Listen is host:port for UDP and TCP.
	Listen string
	// NameServer is the name under which a parent zone delegates to this server;
	// "ns." and the zone if empty, which then has SelfAddresses.
	NameServer string
	// SelfAddresses are those of the server itself, for a NameServer in the zone.
	SelfAddresses []netip.Addr
	// TTL of what is not told with a record: the zone's own, and of the answer that
	// there is no such name; DefaultTTL if zero.
	TTL time.Duration
	Log *slog.Logger
}

// DefaultTTL is how long answers may be kept: a node that leaves is asked for no
// longer than that.
const DefaultTTL = 10 * time.Second

const (
	// udpLimit is the largest answer by UDP; longer ones are asked for again by
	// TCP. 1232 avoids fragments on every usual path: https://www.dnsflagday.net/2020/
	udpLimit = 1232
	// idle is how long a TCP connection may wait for its next question.
	idle = 5 * time.Second
)

// Server is a Zone that answers for itself, by UDP and TCP. Until it is told
// records for the first time it answers SERVFAIL, on which clients ask another
// server: knowing nothing is not the same as there being nothing.
type Server struct {
	config ServerConfig
	log    *slog.Logger
	apex   string // with its dot
	ns     string
	udp    *mdns.Server
	tcp    *mdns.Server
	addr   *net.UDPAddr

	mutex  sync.Mutex // of writers
	answer atomic.Pointer[contents]
	turn   atomic.Uint32
}

// contents of the zone; immutable.
type contents struct {
	serial  uint32
	records map[string]Record
	// above are names that exist only since there are names below them.
	above map[string]bool
}

// Listen opens the server's port; answers come once Serve runs.
func Listen(ctx context.Context, c ServerConfig) (*Server, error) {
	c.Zone = strings.ToLower(strings.TrimSuffix(c.Zone, "."))
	if !ValidName(c.Zone) {
		return nil, fmt.Errorf("zone %q is no name", c.Zone)
	}
	c.NameServer = strings.ToLower(strings.TrimSuffix(c.NameServer, "."))
	if c.NameServer == "" {
		c.NameServer = "ns." + c.Zone
	}
	if !ValidName(c.NameServer) {
		return nil, fmt.Errorf("name server %q is no name", c.NameServer)
	}
	if c.TTL <= 0 {
		c.TTL = DefaultTTL
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Server{config: c, log: c.Log, apex: c.Zone + ".", ns: c.NameServer + "."}
	packets, stream, err := bind(ctx, c.Listen)
	if err != nil {
		return nil, fmt.Errorf("DNS listener: %w", err)
	}
	udp, ok := packets.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, errors.Join(fmt.Errorf("DNS listener: %s is not a UDP address", packets.LocalAddr()), packets.Close(), stream.Close())
	}
	s.addr = udp
	handler := mdns.HandlerFunc(s.serve)
	s.udp = &mdns.Server{PacketConn: packets, Handler: handler, UDPSize: mdns.MinMsgSize}
	s.tcp = &mdns.Server{
		Listener: stream, Handler: handler, ReadTimeout: idle, WriteTimeout: idle, IdleTimeout: func() time.Duration { return idle },
		MaxTCPQueries: 128,
	}
	return s, nil
}

// bind opens the same port for UDP and TCP. A port that was left to chance may be
// somebody else's for TCP: then another one is taken.
func bind(ctx context.Context, address string) (net.PacketConn, net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	for try := 1; ; try++ {
		packets, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
		if err != nil {
			return nil, nil, err
		}
		stream, err := (&net.ListenConfig{}).Listen(ctx, "tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, stream, nil
		}
		_ = packets.Close() // nothing came
		if port != "0" || try == 20 {
			return nil, nil, err
		}
	}
}

// Addr is where the server answers, by UDP and TCP.
func (s *Server) Addr() string { return s.addr.String() }

// Serve answers until ctx ends, which yields nil, or a listener fails.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	for _, server := range []*mdns.Server{s.udp, s.tcp} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		serving.Go(func() { failed <- server.ActivateAndServe() })
		select {
		case <-started:
		case err := <-failed:
			failed <- err
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("DNS server: %w", err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, server := range []*mdns.Server{s.udp, s.tcp} {
		_ = server.ShutdownContext(closing) // one that never started says so
	}
	serving.Wait()
	return err
}

// Close frees the ports of a server that was never served.
func (s *Server) Close() {
	_ = s.udp.PacketConn.Close() // closed already, else
	_ = s.tcp.Listener.Close()   // as above
}

// Converge implements Zone. All records of the server are Godwit's own.
func (s *Server) Converge(_ context.Context, wanted []Record) (Change, error) {
	records, err := check(s.config.Zone, wanted)
	if err != nil {
		return Change{}, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before := s.answer.Load()
	next := &contents{records: make(map[string]Record, len(records)), above: map[string]bool{}}
	var change Change
	for _, r := range records {
		slices.SortFunc(r.Addresses, netip.Addr.Compare)
		if r.Name == s.config.NameServer {
			return Change{}, fmt.Errorf("record %s is the name server's own name", r.Name)
		}
		next.records[r.Name] = r
		for up := parent(r.Name); up != s.config.Zone && up != ""; up = parent(up) {
			next.above[up] = true
		}
		old, had := Record{}, false
		if before != nil {
			old, had = before.records[r.Name]
		}
		switch {
		case !had:
			change.Added++
		case old.TTL != r.TTL || !slices.Equal(old.Addresses, r.Addresses) || !slices.Equal(old.Texts, r.Texts):
			change.Changed++
		}
	}
	if before != nil {
		for name := range maps.Keys(before.records) {
			if _, still := next.records[name]; !still {
				change.Removed++
			}
		}
		if change.None() {
			return change, nil
		}
	}
	// Grows with every change, over restarts too, unless there are more than one a second.
	next.serial = uint32(time.Now().Unix()) //nolint:gosec // serial numbers are compared modulo 2^32 (RFC 1982)
	if before != nil && next.serial <= before.serial {
		next.serial = before.serial + 1
	}
	s.answer.Store(next)
	return change, nil
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}
