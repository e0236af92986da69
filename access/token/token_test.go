package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func key(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return k.Public().(ed25519.PublicKey), k
}

func claims() Claims {
	client, _ := key(9)
	return Claims{
		ID: "t1", Cluster: "c1", Tenant: "ak1", Transfer: "tr1", Direction: "push", Paths: []string{"in/today"},
		Permissions: []string{"read", "write"}, Limits: Limits{MaxRateBps: 1e9, MaxPolicy: "fair"},
		ClientKey: client, IssuedAt: now.Unix(), ExpiresAt: now.Add(time.Hour).Unix(),
	}
}

func sign(t *testing.T, c Claims) string {
	t.Helper()
	_, private := key(1)
	s, err := Sign("k1", private, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keys() Keys {
	public, _ := key(1)
	return Keys{"k1": public}
}

func TestTokenGrantsWhatWasSigned(t *testing.T) {
	t.Parallel()
	want := claims()
	got, err := keys().Verify(sign(t, want), now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	want.Version, want.Audience = Version, audience
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	good := sign(t, claims())
	parts := strings.Split(good, ".")
	_, other := key(2)
	foreign, err := Sign("k1", other, claims())
	if err != nil {
		t.Fatal(err)
	}
	// raw signs whatever it is given with the right key.
	raw := func(header map[string]any, body map[string]any) string {
		_, private := key(1)
		h, _ := json.Marshal(header)
		b, _ := json.Marshal(body)
		s := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(b)
		return s + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(s)))
	}
	header := func(change func(map[string]any)) map[string]any {
		h := map[string]any{"alg": "EdDSA", "typ": typ, "kid": "k1"}
		change(h)
		return h
	}
	body := func(change func(map[string]any)) map[string]any {
		c := claims()
		c.Version, c.Audience = Version, audience
		b, _ := json.Marshal(c)
		var m map[string]any
		_ = json.Unmarshal(b, &m)
		change(m)
		return m
	}
	same := func(map[string]any) {}
	if _, err := keys().Verify(raw(header(same), body(same)), now); err != nil {
		t.Fatalf("the forge itself is wrong: %v", err)
	}
	public, _ := key(1)
	hmac := jwt.NewWithClaims(jwt.SigningMethodHS256, wire{claims()})
	hmac.Header["kid"], hmac.Header["typ"] = "k1", typ
	confused, err := hmac.SignedString([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		token string
		at    time.Time
		want  error
	}{
		{"empty", "", now, ErrMalformed},
		{"garbage", "a.b.c", now, ErrMalformed},
		{"longer than any token", strings.Repeat("x", MaxSize+1), now, ErrMalformed},
		{"signed by a stranger", foreign, now, ErrSignature},
		{"payload of another token", parts[0] + "." + strings.Split(sign(t, func() Claims { c := claims(); c.Tenant = "ak2"; return c }()), ".")[1] + "." + parts[2], now, ErrSignature},
		{"expired", good, now.Add(2 * time.Hour), ErrExpired},
		{"no signature, alg none", raw(header(func(m map[string]any) { m["alg"] = "none" }), body(same)), now, ErrSignature},
		{"public key used as an HMAC secret", confused, now, ErrSignature},
		{"unknown key id", raw(header(func(m map[string]any) { m["kid"] = "k2" }), body(same)), now, ErrUnknownKey},
		{"key id of another type", raw(header(func(m map[string]any) { m["kid"] = 1 }), body(same)), now, ErrUnknownKey},
		{"another kind of JWT", raw(header(func(m map[string]any) { m["typ"] = "JWT" }), body(same)), now, ErrMalformed},
		{"another audience", raw(header(same), body(func(m map[string]any) { m["aud"] = "console" })), now, ErrMalformed},
		{"a claim that is not known", raw(header(same), body(func(m map[string]any) { m["only_on_sundays"] = true })), now, ErrMalformed},
		{"a newer version", raw(header(same), body(func(m map[string]any) { m["v"] = 2 })), now, ErrMalformed},
		{"no expiry", raw(header(same), body(func(m map[string]any) { delete(m, "exp") })), now, ErrMalformed},
		{"no client key", raw(header(same), body(func(m map[string]any) { delete(m, "client_key") })), now, ErrMalformed},
		{"a short client key", raw(header(same), body(func(m map[string]any) { m["client_key"] = "AAAA" })), now, ErrMalformed},
		{"no transfer", raw(header(same), body(func(m map[string]any) { delete(m, "transfer") })), now, ErrMalformed},
		{"no tenant", raw(header(same), body(func(m map[string]any) { delete(m, "tenant") })), now, ErrMalformed},
		{"a direction that is none", raw(header(same), body(func(m map[string]any) { m["direction"] = "both" })), now, ErrMalformed},
		{"made in the future", raw(header(same), body(func(m map[string]any) { m["iat"] = now.Add(time.Hour).Unix() })), now, ErrMalformed},
	} {
		if _, err := keys().Verify(tc.token, tc.at); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestTokenIsWorthNothingToAnotherClient(t *testing.T) {
	t.Parallel()
	c, err := keys().Verify(sign(t, claims()), now)
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := key(9)
	theirs, _ := key(8)
	if err := c.BoundTo(mine); err != nil {
		t.Errorf("own key: %v", err)
	}
	for name, k := range map[string]ed25519.PublicKey{"another key": theirs, "no key": nil, "part of the key": mine[:16]} {
		if err := c.BoundTo(k); !errors.Is(err, ErrClientKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	t.Parallel()
	_, private := key(1)
	for name, change := range map[string]func(*Claims){
		"no client key":  func(c *Claims) { c.ClientKey = nil },
		"no expiry":      func(c *Claims) { c.ExpiresAt = 0 },
		"no transfer":    func(c *Claims) { c.Transfer = "" },
		"too many paths": func(c *Claims) { c.Paths = []string{strings.Repeat("p", MaxSize)} },
	} {
		c := claims()
		change(&c)
		if _, err := Sign("k1", private, c); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	public, private := key(1)
	good, err := Sign("k1", private, claims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Keys{"k1": public}.Verify(s, now)
		if (err == nil) == (c == nil) {
			t.Fatalf("claims %v with error %v", c, err)
		}
		// Nobody but the holder of the key makes a token: what passes is the seed.
		if err == nil && s != good {
			t.Fatalf("forged: %q", s)
		}
	})
}
