package join

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/godwit/godwit/identity/pin"
)

// Retry delays. The first is short because the manager is nearly always up; the ceiling and the jitter keep ten thousand nodes that lost their manager
// together from coming back together.
const (
	firstDelay = 250 * time.Millisecond
	maxDelay   = 30 * time.Second
	maxBody    = 1 << 20
	// patience is how long a node with certificates that are still good waits for its manager before it starts with them.
	patience = 5 * time.Second
)

// Client asks the manager for certificates. The zero values of Log and Timeout are usable.
type Client struct {
	Bootstrap Bootstrap
	Version   string
	Log       *slog.Logger
	Timeout   time.Duration // per attempt; 15 s when zero
}

// Ensure returns the node's identity: the one kept in the data directory, renewed, or a new one joined with the token. It retries with jitter until ctx ends or the
// manager refuses for good (*Refusal with Final). While kept certificates are good, it does not insist: a node that restarts must serve though its manager is away.
func (c *Client) Ensure(ctx context.Context, addresses []string, port int) (*Identity, error) {
	id, err := Load(c.Bootstrap.DataDir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if id, err = fresh(c.Bootstrap.NodeID); err != nil {
			return nil, err
		}
		// Kept before the first attempt: when the answer gets lost, the retry proves the same key.
		if err := id.Save(c.Bootstrap.DataDir); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case id.NodeID != c.Bootstrap.NodeID:
		return nil, fmt.Errorf("data directory %s belongs to node %s, not to %s", c.Bootstrap.DataDir, id.NodeID, c.Bootstrap.NodeID)
	}
	if control, err := id.Control(); err == nil && time.Now().Before(control.Leaf.NotAfter) {
		asking, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		next, err := c.persist(asking, id, addresses, port)
		var refusal *Refusal
		if err == nil || errors.As(err, &refusal) && refusal.Final() || ctx.Err() != nil {
			return next, err
		}
		return id, nil
	}
	return c.persist(ctx, id, addresses, port)
}

// Renew exchanges the certificates for new ones, at once.
func (c *Client) Renew(ctx context.Context, id *Identity, addresses []string, port int) (*Identity, error) {
	return c.persist(ctx, id, addresses, port)
}

func (c *Client) persist(ctx context.Context, id *Identity, addresses []string, port int) (*Identity, error) {
	var next *Identity
	err := c.insist(ctx, func(base string) error {
		var err error
		next, err = c.once(ctx, base, id, addresses, port)
		return err
	})
	if err != nil {
		return nil, err
	}
	return next, next.Save(c.Bootstrap.DataDir)
}

// insist calls ask with one manager's address after the other until it succeeds, is refused for good, or ctx ends.
func (c *Client) insist(ctx context.Context, ask func(base string) error) error {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for attempt, delay := 0, firstDelay; ; attempt++ {
		base := strings.TrimSuffix(c.Bootstrap.ManagerURLs[attempt%len(c.Bootstrap.ManagerURLs)], "/")
		err := ask(base)
		var refusal *Refusal
		if err == nil || errors.As(err, &refusal) && refusal.Final() {
			return err
		}
		wait := delay/2 + rand.N(delay) // jitter
		log.Warn("manager not reached, will ask again", "manager", base, "error", err, "wait", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(wait):
		}
		delay = min(delay*2, maxDelay)
	}
}

func (c *Client) once(ctx context.Context, base string, id *Identity, addresses []string, port int) (*Identity, error) {
	conf, err := pin.TLSConfig(c.Bootstrap.CASHA256, pin.ManagerName)
	if err != nil {
		return nil, err
	}
	req := Request{NodeID: id.NodeID, Version: c.Version, Addresses: addresses, Port: port, InstanceID: c.Bootstrap.InstanceID}
	path := JoinPath
	if id.Joined() {
		cert, err := id.Control()
		if err != nil {
			return nil, err
		}
		// GetClientCertificate rather than Certificates: the manager's list of CAs must not filter it, and an expired one still proves the key.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		path = RenewPath
	} else {
		req.Token = c.Bootstrap.JoinToken
	}
	if req.CSR, err = csr(id.NodeID, id.controlKey); err != nil {
		return nil, err
	}
	if req.ServingCSR, err = csr(id.NodeID, id.serveKey); err != nil {
		return nil, err
	}
	var answer Response
	if err := c.post(ctx, conf, base+path, req, &answer); err != nil {
		return nil, err
	}
	next := &Identity{NodeID: id.NodeID, Response: answer, controlKey: id.controlKey, serveKey: id.serveKey}
	if _, err := next.Control(); err != nil {
		return nil, err
	}
	if _, err := next.Serving(); err != nil {
		return nil, err
	}
	return next, nil
}

// ReportFailure tells the manager that this node could not be set up; it tries every address with jitter until ctx ends, the manager has it, or refuses for good.
func (c *Client) ReportFailure(ctx context.Context, reason, output string) error {
	conf, err := pin.TLSConfig(c.Bootstrap.CASHA256, pin.ManagerName)
	if err != nil {
		return err
	}
	if len(output) > OutputLimit {
		output = strings.ToValidUTF8(output[len(output)-OutputLimit:], "")
	}
	report := Failure{NodeID: c.Bootstrap.NodeID, Token: c.Bootstrap.JoinToken, Reason: reason, Output: strings.ToValidUTF8(output, "?")}
	return c.insist(ctx, func(base string) error {
		return c.post(ctx, conf, base+FailedPath, report, &struct{}{})
	})
}

// post sends body and reads the answer into out.
func (c *Client) post(ctx context.Context, conf *tls.Config, url string, body, out any) error {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 15 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	sent, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("join request: %w", err)
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(sent))
	if err != nil {
		return fmt.Errorf("join request: %w", err)
	}
	hr.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: transport}).Do(hr)
	if err != nil {
		return fmt.Errorf("join request: %w", err)
	}
	defer res.Body.Close() // read to the end or given up
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return fmt.Errorf("join answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		refusal := &Refusal{}
		if json.Unmarshal(data, refusal) != nil || refusal.Code == "" {
			// Not our manager's form of refusal (a proxy, a manager still starting): worth another try.
			return &Refusal{Status: res.StatusCode, Code: CodeUnavailable, Title: "manager cannot answer", Detail: res.Status}
		}
		return refusal
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("join answer: %w", err)
	}
	return nil
}
