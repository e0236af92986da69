package transfer

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/pathbook"
)

// Client runs jobs. Its fields must not change while one runs; one client may
// run several jobs at once.
type Client struct {
	// Specs says where the next session goes. It is called for the first
	// session of a job and again whenever a session broke, was told to move
	// or was refused with a retryable error, which Attempt tells. Its own
	// error ends the job, unless it is an [*Error] with a retryable code.
	Specs func(ctx context.Context, a Attempt) (Spec, error)

	// Key proves to the node who is there; tokens may be bound to it. nil
	// proves nothing.
	Key ed25519.PrivateKey

	// RootCAs checks a node's certificate when the spec pins none; nil means
	// the system's.
	RootCAs *x509.CertPool

	// Dial opens the control connection of a session, for one that is carried
	// over ssh; nil: TCP and TLS to where the spec says.
	Dial func(ctx context.Context, spec Spec) (Channel, error)

	// Paths remembers what sessions learn of their paths, so that later ones start
	// faster; nil: nothing is remembered. Whoever sets it saves it.
	Paths *pathbook.Book

	// OnEvent hears what happens, one call at a time; it must not block for
	// long.
	OnEvent func(Event)

	Log *slog.Logger // nil: discard

	greetFrom  time.Duration // round trip from which a greeting is made; 0: greetingLeast
	mirrorFrom time.Duration // and from which the control connection is mirrored; 0: mirrorRTT, negative: always
	quickFrom  time.Duration // and from which QUIC is tried; 0: quickLeast, negative: always

	dialMore func(netip.AddrPort, packetio.Options) (*packetio.Conn, error) // opens sockets of further flows; nil: packetio.Dial
}

// Entry is one name in a listed directory.
type Entry struct {
	Path    string    `json:"path"` // name in the listed directory
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
	Mode    uint32    `json:"mode"` // permission bits
	Type    string    `json:"type"` // "file", "dir", "symlink" or "special"
	Target  string    `json:"target,omitempty"`
}

// Run moves job and returns when it is done: Start, then Wait.
func (c *Client) Run(ctx context.Context, job Job) (Result, error) {
	t, err := c.Start(ctx, job)
	if err != nil {
		return Result{}, err
	}
	return t.Wait()
}

// ListOptions page a listing.
type ListOptions struct {
	After string // the last Path of the page before
	Limit int    // at most so many; 0: 1000
}
