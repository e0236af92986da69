package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/godwit/godwit/egress"
)

// sendTimeout bounds one attempt.
const sendTimeout = 30 * time.Second

// Sender sends one message to one target. It is safe for concurrent use.
type Sender struct {
	Dialer *egress.Dialer
	Roots  *x509.CertPool   // nil: the system's
	Now    func() time.Time // nil: time.Now
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Send delivers m once, under an id that is the same in every attempt. nil means that the other end has taken it over;
// after an error it may have. Secrets are in no error.
func (s *Sender) Send(ctx context.Context, kind string, to Target, secret string, id string, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if kind == Webhook {
		return s.post(ctx, to, secret, id, m)
	}
	return s.mail(ctx, to, secret, id, m)
}

func (s *Sender) post(ctx context.Context, to Target, secret, id string, m Message) error {
	key, err := signingKey(secret)
	if err != nil {
		return fmt.Errorf("the key of the signatures %w", err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	stamp := strconv.FormatInt(s.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "godwit")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+sign(key, id, stamp, body))
	client := s.Dialer.Client(egress.Options{Timeout: sendTimeout, Roots: s.Roots, NoRedirects: true})
	defer client.CloseIdleConnections()
	answer, err := client.Do(req)
	if err != nil {
		return plainly(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // what it says is nobody's business
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return fmt.Errorf("the receiver answered %d, a redirect: enter the address that it leads to", answer.StatusCode)
	}
	return fmt.Errorf("the receiver answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
}

func sign(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// plainly drops the URL that net/http puts in front: it is in the target, and may hold a token.
func plainly(err error) error {
	var refused *egress.RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && strings.HasPrefix(err.Error(), "Post ") {
		return wrapped.Unwrap()
	}
	return err
}

func (s *Sender) mail(ctx context.Context, to Target, password, id string, m Message) error {
	msg := mail.NewMsg()
	if err := msg.From(to.From); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := msg.To(to.To...); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_, domain, _ := strings.Cut(to.From, "@")
	msg.SetMessageIDWithValue(id + "@" + domain)
	msg.SetDateWithValue(m.At)
	msg.Subject(m.subject())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.body())
	client, err := mail.NewClient(to.Host, s.mailOptions(to, password)...)
	if err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		var refused *egress.RefusedError
		if errors.As(err, &refused) {
			return refused
		}
		return fmt.Errorf("mail server %s: %w", to.Host, err)
	}
	return nil
}

func (s *Sender) mailOptions(to Target, password string) []mail.Option {
	conf := egress.TLS(to.Host, s.Roots)
	dial := s.Dialer.DialContext
	policy := mail.TLSMandatory
	switch to.Security {
	case Plain:
		policy = mail.NoTLS
	case TLS:
		policy = mail.TLSOpportunistic // there is TLS already, and the client looks
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.Dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secured := tls.Client(conn, conf)
			if err := secured.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return secured, nil
		}
	}
	options := []mail.Option{
		mail.WithPort(to.ServerPort()), mail.WithTLSPolicy(policy), mail.WithTLSConfig(conf), mail.WithTimeout(sendTimeout), mail.WithDialContextFunc(dial),
	}
	if password != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(to.Username), mail.WithPassword(password))
	}
	return options
}
