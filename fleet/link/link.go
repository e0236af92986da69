// Package link is a node's one outbound connection to the fleet: reports and events out, commands in, questions and their answers.
//
// A Link exists as long as its node's agent and reconnects by itself, with jitter, to any of its managers. Nothing is buffered while it is down: a report is out of date by
// then, events wait in the node's spool, questions fail at once and the asker decides.
package link

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/journal/stream"
)

const (
	firstDelay = 200 * time.Millisecond
	// ackWait is how long a report may stay unacknowledged before it counts as lost and the next is sent regardless.
	ackWait = 5 * time.Second
	// handlerTimeout bounds one command.
	handlerTimeout = 30 * time.Second
)

// ErrBusy tells that the last report is not acknowledged yet: skip this tick.
var ErrBusy = errors.New("last report is still on its way")

// Handler obeys one command. request is JSON; the result is marshalled to JSON. Return a *command.Error to say more than "internal".
type Handler func(ctx context.Context, request []byte) (any, error)

// Config of a Link. Node, URLs, CASHA256 and Certificate are required.
type Config struct {
	Node        string
	URLs        []string // tls://host:port of the fleet, any number
	CASHA256    string   // pin of the control CA
	Certificate func() (*tls.Certificate, error)
	MaxDelay    time.Duration // between attempts; 30 s when zero
	Handlers    map[string]Handler
	Log         *slog.Logger
	// OnState hears of each connection (true) and loss (false), in order. It must not block.
	OnState func(connected bool)
}

// Link is safe for concurrent use.
type Link struct {
	config  Config
	log     *slog.Logger
	conn    *nats.Conn
	stream  jetstream.JetStream
	ctx     context.Context // ends the handlers with the link
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	oldest time.Time // when the oldest report still unacknowledged went out
}

// Open starts connecting and returns at once; Connected and OnState tell how it goes.
func Open(c Config) (*Link, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = 30 * time.Second
	}
	if len(c.URLs) == 0 {
		return nil, errors.New("fleet link: the manager named no address")
	}
	conf, err := pin.TLSConfig(c.CASHA256, pin.FleetName)
	if err != nil {
		return nil, err
	}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Certificate() }
	l := &Link{config: c, log: c.Log}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.conn, err = nats.Connect(strings.Join(c.URLs, ","), l.options(conf)...)
	if err != nil {
		l.cancel()
		return nil, fmt.Errorf("fleet link: %w", err)
	}
	if l.stream, err = jetstream.New(l.conn, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(ackWait)); err != nil {
		l.Close()
		return nil, fmt.Errorf("fleet link: %w", err)
	}
	if _, err := l.conn.Subscribe("ctl."+c.Node+".*", l.obey); err != nil {
		l.Close()
		return nil, fmt.Errorf("fleet link: %w", err)
	}
	return l, nil
}

func (l *Link) options(conf *tls.Config) []nats.Option {
	state := func(up bool) {
		if l.config.OnState != nil {
			l.config.OnState(up)
		}
	}
	return []nats.Option{
		nats.Name(l.config.Node), nats.Secure(conf), nats.TLSHandshakeFirst(), nats.CustomInboxPrefix("_INBOX." + l.config.Node),
		nats.Timeout(10 * time.Second), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.IgnoreDiscoveredServers(),
		// A refusal is not for ever: the certificate may be renewed, the manager restored. The agent decides when to give up.
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.CustomReconnectDelay(l.delay),
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(*nats.Conn) { state(true) }),
		nats.ReconnectHandler(func(*nats.Conn) { state(true) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.log.Warn("fleet connection lost", "error", err)
			state(false)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.log.Warn("fleet connection", "error", err) }),
	}
}

// delay grows with the attempts and is random over its whole length, so that nodes that lost their manager together come back apart.
func (l *Link) delay(attempts int) time.Duration {
	d := firstDelay << min(attempts, 16)
	return firstDelay/2 + rand.N(min(d, l.config.MaxDelay)) // jitter
}

// Connected tells whether the connection is up now.
func (l *Link) Connected() bool { return l.conn.IsConnected() }

// Report publishes r, in chunks when it is long, without waiting. ErrBusy tells that the one before is unacknowledged and r was not sent.
func (l *Link) Report(r *report.Report) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream.PublishAsyncPending() > 0 && time.Since(l.oldest) < ackWait {
		return ErrBusy
	}
	if !l.conn.IsConnected() {
		return command.ErrNotConnected
	}
	l.oldest = time.Now()
	for _, c := range report.Split(r) {
		data, err := proto.Marshal(c)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if _, err := l.stream.PublishAsync(report.Subject(c.GetNodeId(), c.GetChunk()), data, jetstream.WithStallWait(time.Second)); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

// Publish stores events in the journal; nil means that they are synced there.
func (l *Link) Publish(ctx context.Context, events []event.Event) error {
	if !l.conn.IsConnected() {
		return command.ErrNotConnected
	}
	return stream.Publish(ctx, l.conn, l.config.Node, events)
}

// Call asks the manager and reads the answer into result. Errors: command.ErrNotConnected, command.ErrTimeout, or the manager's *command.Error.
func (l *Link) Call(ctx context.Context, method string, request, result any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("question %s: %w", method, err)
	}
	if !l.conn.IsConnected() {
		return fmt.Errorf("question %s: %w", method, command.ErrNotConnected)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
	}
	answer, err := l.conn.RequestWithContext(ctx, "rpc."+l.config.Node+"."+method, data)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("question %s: %w", method, command.ErrNotConnected)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("question %s: %w", method, command.ErrTimeout)
	case err != nil:
		return fmt.Errorf("question %s: %w", method, err)
	}
	return command.Open(answer.Data, result)
}

func (l *Link) obey(m *nats.Msg) {
	name := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	h := l.config.Handlers[name]
	if h == nil {
		_ = m.Respond(command.Seal(nil, command.Errorf(command.CodeUnsupported, "this node does not know the command %q", name)))
		return
	}
	// Not one after the other: a drain that takes its time must not hold up a ping.
	l.running.Go(func() {
		ctx, cancel := context.WithTimeout(l.ctx, handlerTimeout)
		defer cancel()
		if err := m.Respond(command.Seal(h(ctx, m.Data))); err != nil {
			l.log.Warn("answer to command lost", "command", name, "error", err)
		}
	})
}

// Close ends the connection and waits for running commands, whose contexts end.
func (l *Link) Close() {
	l.cancel()
	l.conn.Close()
	l.running.Wait()
}
