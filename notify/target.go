package notify

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// Kinds of targets.
const (
	Webhook = "webhook"
	Email   = "email"
)

// How a connection to a mail server is protected.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	Plain    = "none" // for a relay on the same host or behind a tunnel; never with a password
)

// Target is where deliveries go: URL for a webhook, the rest for e-mail.
type Target struct {
	URL      string   `json:"url,omitempty"`
	Host     string   `json:"host,omitempty"`
	Port     int      `json:"port,omitempty"` // 0: 587, or 465 with TLS, or 25
	Security string   `json:"security,omitempty"`
	Username string   `json:"username,omitempty"`
	From     string   `json:"from,omitempty"`
	To       []string `json:"to,omitempty"`
}

// Filter says which changes are told. Empty lists match all.
type Filter struct {
	Events   []string `json:"events"`   // opened, closed
	Kinds    []string `json:"kinds"`    // of conditions
	Clusters []string `json:"clusters"` // ids
	AfterS   int      `json:"after_s"`  // a condition is told once it has lasted so long, in seconds
}

// Fault is a field that is refused.
type Fault struct{ Field, Problem string }

// Faults are all that is wrong with a target.
type Faults []Fault

func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, x := range f {
		parts[i] = x.Field + " " + x.Problem
	}
	return strings.Join(parts, "; ")
}

const (
	maxTo        = 50
	secretPrefix = "whsec_"
	leastSecret  = 24 // bytes, as Standard Webhooks asks
)

// Check refuses a target of the kind that could not be sent to. hasPassword says whether a secret goes with it.
func (t Target) Check(kind string, hasPassword bool) error {
	var faults Faults
	add := func(field, format string, args ...any) {
		faults = append(faults, Fault{field, fmt.Sprintf(format, args...)})
	}
	switch kind {
	case Webhook:
		u, err := url.Parse(t.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			add("target.url", "must look like https://host/path")
		case u.User != nil:
			add("target.url", "must not hold a password: the signature proves who calls")
		case u.Scheme == "http":
			add("target.url", "must be https: what is sent and its signature would be readable on the way")
		}
	case Email:
		if t.Host == "" || strings.ContainsAny(t.Host, " /@:") {
			add("target.host", "is not the name or address of a mail server")
		}
		if t.Port < 0 || t.Port > 65535 {
			add("target.port", "is %d; want 1 to 65535, or 0 for the usual one", t.Port)
		}
		if !slices.Contains([]string{StartTLS, TLS, Plain}, t.Security) {
			add("target.security", "is %q; want starttls, tls or none", t.Security)
		}
		if t.Security == Plain && hasPassword {
			add("target.security", "is none: a password would be readable on the way")
		}
		if hasPassword && t.Username == "" {
			add("target.username", "is missing: there is a password")
		}
		if !address(t.From) {
			add("target.from", "is not a mail address")
		}
		if len(t.To) == 0 || len(t.To) > maxTo {
			add("target.to", "names %d addresses; want 1 to %d", len(t.To), maxTo)
		}
		for i, to := range t.To {
			if !address(to) {
				add(fmt.Sprintf("target.to[%d]", i), "is not a mail address")
			}
		}
	default:
		add("kind", "is %q; want webhook or email", kind)
	}
	if faults != nil {
		return faults
	}
	return nil
}

func address(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && !strings.ContainsAny(s, "\r\n")
}

// ServerPort is Port, or the usual one.
func (t Target) ServerPort() int {
	switch {
	case t.Port != 0:
		return t.Port
	case t.Security == TLS:
		return 465
	case t.Security == Plain:
		return 25
	}
	return 587
}

// NewSecret makes the key of a webhook's signatures.
func NewSecret() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return secretPrefix + base64.StdEncoding.EncodeToString(raw[:])
}

// CheckSecret refuses what is no key of a webhook's signatures.
func CheckSecret(s string) error {
	_, err := signingKey(s)
	return err
}

func signingKey(s string) ([]byte, error) {
	rest, found := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(rest)
	if !found || err != nil || len(key) < leastSecret || len(key) > 64 {
		return nil, errors.New("is not whsec_ followed by the Base64 form of 24 to 64 bytes")
	}
	return key, nil
}

// Wants tells whether a change passes the filter.
func (f Filter) Wants(change, kind, cluster string) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return in(f.Events, change) && in(f.Kinds, kind) && in(f.Clusters, cluster)
}
