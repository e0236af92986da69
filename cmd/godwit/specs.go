package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/spelling"
)

// specSource is where the sessions of a job come from: the manager for a
// cluster, the command line itself for a node that is named.
type specSource struct {
	next   func(context.Context, transfer.Attempt) (transfer.Spec, error) // transfer.Client.Specs
	key    ed25519.PrivateKey
	dial   func(context.Context, transfer.Spec) (transfer.Channel, error) // transfer.Client.Dial
	ready  func(context.Context) error                                    // to be called first where set: ssh may ask for a password
	giveUp func(context.Context)                                          // tells the manager, if there is one, that nobody comes back
}

func (a *app) specSource(remote location, job transfer.Job, fl *copyFlags) (specSource, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return specSource{}, fmt.Errorf("client key: %w", err)
	}
	if remote.ssh.Name != "" {
		return fl.ssh.over(a.streams, remote)
	}
	if remote.invited {
		s, err := invitedSpec(remote)
		return direct(s, private), err
	}
	p, err := loadProfile(a.profile)
	if err != nil && remote.node != "" {
		err = authError{fmt.Errorf("%s has no key before its host, as an address of godwit serve has, and for a node of a cluster: %w", remote.shown(), err)}
	}
	if err != nil {
		return specSource{}, err
	}
	if remote.node != "" {
		s, err := nodeSpec(p, remote)
		return direct(s, private), err
	}
	for _, name := range remotePaths(job) {
		if !utf8.ValidString(name) {
			return specSource{}, usagef("%s is no UTF-8, which the manager of a cluster wants of the paths that it grants: name the directory that holds it, whose contents may have any names", spelling.Text(name))
		}
	}
	connect := p.tenant
	if fl.key != "" {
		connect = p.client
	}
	c, err := connect()
	if err != nil {
		return specSource{}, err
	}
	m := &managed{
		client: c,
		key:    base64.StdEncoding.EncodeToString(public),
		create: map[string]any{
			"cluster": remote.cluster, "direction": job.Direction, "paths": remotePaths(job),
			"target_rate_bps": job.Options.Rate, "min_rate_bps": job.Options.MinRate,
		},
	}
	m.create["client_key"] = m.key
	if n := job.Options.Flows; n > 1 {
		m.create["flows"] = n
	}
	for name, v := range map[string]string{"access_key": fl.key, "name": fl.name, "policy": string(job.Options.Policy)} {
		if v != "" {
			m.create[name] = v
		}
	}
	return specSource{next: m.next, key: private, giveUp: m.giveUp}, nil
}

func remotePaths(job transfer.Job) []string {
	switch {
	case job.Direction == transfer.Push:
		return []string{job.Destination}
	case job.Synthetic != nil:
		return []string{job.Synthetic.Kind()}
	case job.Options.Afterwards == transfer.AfterMove:
		return append([]string{job.Options.MoveTo}, job.Sources...)
	}
	return job.Sources
}

// direct is one place for all sessions.
func direct(s transfer.Spec, key ed25519.PrivateKey) specSource {
	return specSource{
		next:   func(context.Context, transfer.Attempt) (transfer.Spec, error) { return s, nil },
		key:    key,
		giveUp: func(context.Context) {},
	}
}

// invitedSpec addresses a server that godwit serve runs.
func invitedSpec(l location) (transfer.Spec, error) {
	host, port, err := l.hostPort()
	if err != nil {
		return transfer.Spec{}, err
	}
	return l.key.Spec(host, port), nil
}

// nodeSpec addresses one node with the profile's access key.
func nodeSpec(p Profile, l location) (transfer.Spec, error) {
	if p.AccessKey == "" {
		return transfer.Spec{}, usagef("a node that is addressed directly wants an access key: godwit login … --key ID")
	}
	host, n, err := l.hostPort()
	if err != nil {
		return transfer.Spec{}, err
	}
	s := transfer.Spec{
		Version: transfer.SpecVersion, Host: host, Port: n, CertSHA256: l.pin,
		AccessKey: p.AccessKey, Secret: p.Secret,
	}
	if err := s.Validate(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// managed asks the manager for each session of one transfer.
type managed struct {
	client *client.Client
	key    string
	create map[string]any

	mu sync.Mutex
	id string
}

func (m *managed) next(ctx context.Context, a transfer.Attempt) (transfer.Spec, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var answer struct {
		TransferID string            `json:"transfer_id"`
		Specs      []json.RawMessage `json:"specs"`
	}
	var err error
	if m.id == "" {
		_, err = m.client.Do(ctx, http.MethodPost, "/api/v1/transfers", m.create, &answer)
	} else {
		body := map[string]any{"client_key": m.key, "reason": reasonOf(a.Reason)}
		if a.FailedNode != "" {
			body["failed_nodes"] = []string{a.FailedNode}
		}
		_, err = m.client.Do(ctx, http.MethodPost, "/api/v1/transfers/"+url.PathEscape(m.id)+"/specs", body, &answer)
	}
	if err != nil {
		return transfer.Spec{}, retryable(err)
	}
	m.id = answer.TransferID
	if len(answer.Specs) == 0 {
		return transfer.Spec{}, &transfer.Error{Code: transfer.CodeBusy, Message: "the manager named no node"}
	}
	s, err := transfer.ParseSpec(answer.Specs[0])
	if err != nil {
		return s, &transfer.Error{Code: transfer.CodeProtocol, Message: "the manager's answer", Err: err}
	}
	return s, nil
}

// reasonOf tells the manager why another session is needed.
func reasonOf(err error) string {
	switch transfer.CodeOf(err) {
	case transfer.CodeMoved, transfer.CodeDraining:
		return "moved"
	case transfer.CodeBusy:
		return "busy"
	}
	return "broken"
}

// retryable turns the manager's "not now" into an error that the engine waits
// out: a manager that restarts or a cluster that is full ends no transfer.
func retryable(err error) error {
	if _, ok := errors.AsType[*client.Unreachable](err); ok {
		return &transfer.Error{Code: transfer.CodeUnreachable, Err: err}
	}
	if e, ok := errors.AsType[*client.Error](err); ok && (e.Status == http.StatusTooManyRequests || e.Status >= 502) {
		return &transfer.Error{Code: transfer.CodeBusy, RetryAfter: e.RetryAfter, Err: err}
	}
	return err
}

// giveUp tells the manager that this transfer is over: a run of the same command
// later is another one, which resumes what is there. The manager finds out by
// itself too, minutes later.
func (m *managed) giveUp(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	_, _ = m.client.Do(ctx, http.MethodPost, "/api/v1/transfers/"+url.PathEscape(m.id)+"/cancel", nil, nil)
}
