package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/notary"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/pathbook"
	"github.com/godwit/godwit/transfer/vlink"
)

// ServerConfig is what a [Server] needs. Only Authorizer and Certificate are
// required.
type ServerConfig struct {
	Authorizer Authorizer

	// Certificate is asked at each handshake, so that a renewed certificate
	// serves new sessions at once.
	Certificate func() (*tls.Certificate, error)
	// Named is asked first for clients that say whom they look for by a host name;
	// nil, and nil from it, leave them to Certificate. May be nil.
	Named func(host string) *tls.Certificate

	NodeID, NodeName string

	// SendCap and ReceiveCap are the node's bandwidth each way, bit/s, shared
	// max-min among its sessions; 0 means no cap.
	SendCap, ReceiveCap int64

	// SessionRate is the target of sessions whose client asks for none, bit/s;
	// SessionCap the most that any session gets. 0 means none.
	SessionRate, SessionCap int64

	MaxSessions int      // 0: 1000
	Ciphers     []Cipher // allowed ones; empty: all

	// Memory bounds bytes in flight and in buffers of one session; 0 means 384
	// MiB. More than four sessions share four times as much, see
	// sessionMemory.
	Memory int64

	// KeepParts is how long what an unfinished transfer left is kept for it to be
	// resumed, since it was last written; 0 means a week. What is older goes when
	// somebody has written to the same directory or one above, once a day at most.
	KeepParts time.Duration

	// Paths remembers what sessions that send learn of the paths to their clients, so
	// that later ones start faster; nil: nothing is remembered. The server saves it.
	Paths *pathbook.Book

	// OnEvent hears what sessions do. Calls are made one at a time per
	// session and must not block.
	OnEvent       func(SessionEvent)
	EventInterval time.Duration // between progress events of a session; 0: 1 s

	Log *slog.Logger     // nil: slog.Default
	Now func() time.Time // nil: time.Now
}

// SessionEventKind names a [SessionEvent].
type SessionEventKind string

// The kinds of events of a session on a server.
const (
	SessionStarted  SessionEventKind = "started"
	SessionProgress SessionEventKind = "progress"
	SessionFiles    SessionEventKind = "files" // files that ended
	SessionEnded    SessionEventKind = "ended"
)

// SessionEvent is for reports and journals. Session is filled always.
type SessionEvent struct {
	Kind    SessionEventKind `json:"kind"`
	At      time.Time        `json:"at"`
	Session SessionStatus    `json:"session"`
	Files   []FileOutcome    `json:"files,omitempty"`
}

// FileOutcome is the end of one file at its receiver.
type FileOutcome struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Outcome string `json:"outcome"` // "committed", "skipped" or "failed"
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// SessionStatus is one session of a server as it is now, or as it ended.
type SessionStatus struct {
	ID         string    `json:"id"`
	TransferID string    `json:"transfer_id"`
	Tenant     string    `json:"tenant"`
	AccessKey  string    `json:"access_key,omitempty"` // presented directly
	Direction  Direction `json:"direction"`
	Paths      []string  `json:"paths"`
	Peer       string    `json:"peer"` // address of the client
	Policy     Policy    `json:"policy"`
	Cipher     Cipher    `json:"cipher"`
	Transport  Transport `json:"transport,omitempty"` // what data ride now

	Rate    int64 `json:"rate"`     // bit/s of data now, smoothed over about a second
	Target  int64 `json:"target"`   // bit/s that the client wants; 0: as much as there is
	MinRate int64 `json:"min_rate"` // bit/s
	Share   int64 `json:"share"`    // bit/s that the node's cap leaves it now; 0: uncapped
	Capped  bool  `json:"capped"`   // held back by Share: wants more than the node gives

	Bytes      int64         `json:"bytes"`       // data bytes moved
	Resent     int64         `json:"resent"`      // of Bytes when the node sends: sent again after loss
	TotalBytes int64         `json:"total_bytes"` // as far as known
	Files      int64         `json:"files"`       // committed
	FilesTotal int64         `json:"files_total"`
	Failed     int64         `json:"failed"`
	Skipped    int64         `json:"skipped"`
	RTT        time.Duration `json:"rtt"`
	Loss       float64       `json:"loss"`        // share of packets, smoothed
	BufferFill float64       `json:"buffer_fill"` // of Memory, 0 to 1

	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	DryRun  bool      `json:"dry_run,omitempty"` // nothing is moved or changed
	Movable bool      `json:"movable"`           // asked to move, it can go on elsewhere
	Moving  bool      `json:"moving"`            // asked to move
	Code    Code      `json:"code,omitempty"`    // why it ended; "" when complete
	Message string    `json:"message,omitempty"` // the same for a person
}

// Totals are counters since the server started.
type Totals struct {
	SessionsStarted int64 `json:"sessions_started"`
	SessionsQuick   int64 `json:"sessions_quick"` // of those started: by a hello over QUIC, a round trip earlier
	SessionsEnded   int64 `json:"sessions_ended"`
	SessionsFailed  int64 `json:"sessions_failed"` // ended for another reason than complete or moved
	SessionsMoved   int64 `json:"sessions_moved"`
	Refused         int64 `json:"refused"` // hellos refused, for any reason
	BytesSent       int64 `json:"bytes_sent"`
	BytesReceived   int64 `json:"bytes_received"`
	FilesCommitted  int64 `json:"files_committed"`
	FilesSkipped    int64 `json:"files_skipped"`
	FilesFailed     int64 `json:"files_failed"`
	Stray           int64 `json:"stray"` // datagrams of no session, dropped
}

// Load is what a node reports about itself: demand against caps.
type Load struct {
	Sessions    int     `json:"sessions"`
	MaxSessions int     `json:"max_sessions"`
	SendRate    int64   `json:"send_rate"`    // bit/s of all sessions
	ReceiveRate int64   `json:"receive_rate"` // bit/s of all sessions
	SendCap     int64   `json:"send_cap"`     // bit/s; 0: none
	ReceiveCap  int64   `json:"receive_cap"`  // bit/s; 0: none
	BufferFill  float64 `json:"buffer_fill"`  // fullest receive buffer, 0 to 1
	Draining    bool    `json:"draining"`
}

// Server serves sessions on one TCP and one UDP socket with the same port
// number. Make it with [NewServer]. All methods are safe for concurrent use.
type Server struct {
	config ServerConfig
	log    *slog.Logger
	now    func() time.Time

	pool          job.Pool
	send, receive *vlink.Link // the node's bandwidth, shared by its sessions
	shared        atomic.Pointer[sharedLinks]
	// rates are read by sessions under locks of theirs, hence not under mu.
	rates atomic.Pointer[sessionRates]

	openings    openings
	notary      *notary.Notary
	mirrorFrom  time.Duration // round trip from which control connections are mirrored; 0: mirrorRTT, negative: always
	joinsWithin time.Duration // how long a session that began over QUIC waits for its TCP connection

	mu       sync.Mutex
	sessions map[string]*serverSession
	totals   Totals
	byJob    map[string]int       // sessions by transfer id
	swept    map[string]time.Time // when, by tenant and directory
	draining string               // reason; "" when not
	closed   bool
	udp      *packetio.Listener
	cancel   context.CancelFunc // of Serve
	served   chan struct{}      // closed when Serve has returned
}

type sessionRates struct{ usual, most int64 }

// NewServer checks config and makes a server that does not listen yet.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Authorizer == nil {
		return nil, errors.New("transfer server: no authorizer")
	}
	if config.Certificate == nil {
		return nil, errors.New("transfer server: no certificate")
	}
	if err := checkCiphers(config.Ciphers); err != nil {
		return nil, err
	}
	if config.MaxSessions <= 0 {
		config.MaxSessions = 1000
	}
	if config.Memory <= 0 {
		config.Memory = DefaultMemory
	}
	if config.EventInterval <= 0 {
		config.EventInterval = time.Second
	}
	s := &Server{config: config, log: config.Log, now: config.Now, sessions: map[string]*serverSession{}, byJob: map[string]int{}, served: make(chan struct{}), joinsWithin: joinMost,
		send: vlink.New(config.SendCap), receive: vlink.New(config.ReceiveCap)}
	s.rates.Store(&sessionRates{usual: max(config.SessionRate, 0), most: max(config.SessionCap, 0)})
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.notary = notary.New(s.now)
	return s, nil
}

func checkCiphers(list []Cipher) error {
	for _, c := range list {
		if c == "" || !c.Valid() {
			return fmt.Errorf("transfer server: unknown cipher %q", c)
		}
	}
	return nil
}

// leastMemory is enough for 1 Gb/s at 100 ms without loss.
const leastMemory = 16 << 20

// sessionMemory is what the n-th session at a time may use.
func sessionMemory(memory int64, n int) int64 {
	return max(min(memory, 4*memory/int64(max(n, 1))), min(memory, leastMemory))
}

// Listen opens the two sockets of a node with one port number on host; port 0
// picks a free one, an empty host means all addresses.
func Listen(host string, port int) (net.Listener, *packetio.Listener, error) {
	var last error
	for range 20 { // with port 0, the UDP port of the TCP port found may be taken
		tcp, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, nil, fmt.Errorf("listen: %w", err)
		}
		udp, err := packetio.Listen(addrOf(tcp.Addr()), packetio.Options{})
		if err == nil {
			return tcp, udp, nil
		}
		_ = tcp.Close()
		last = err
		if port != 0 {
			break
		}
	}
	return nil, nil, fmt.Errorf("listen: %w", last)
}
