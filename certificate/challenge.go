package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
)

const (
	challengesKey = "acme challenges"
	// challengeTime is how long a text stands at most: whoever orders may die.
	challengeTime = 2 * orderTime
	// edits of the texts until somebody else is taken to write them without end.
	edits = 10
	// lookEvery is how often it is asked whether a text is published.
	lookEvery = 200 * time.Millisecond
)

// challenge is a text that an authority looks for.
type challenge struct {
	Name  string    `json:"name"`
	Text  string    `json:"text"`
	Until time.Time `json:"until"`
	// Token by which it is looked for where Name leads to; empty: in the zone, at Name.
	Token string `json:"token,omitempty"`
}

// Challenges are the texts that authorities are to find now. Safe for concurrent
// use, by several managers too.
type Challenges struct {
	settings statestore.Settings
	now      func() time.Time
}

// NewChallenges are those of a state store.
func NewChallenges(settings statestore.Settings, now func() time.Time) *Challenges {
	return &Challenges{settings, now}
}

// Texts by name, to be published as TXT records.
func (c *Challenges) Texts(ctx context.Context) (map[string][]string, error) {
	list, err := c.list(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := map[string][]string{}
	for _, e := range list {
		if e.Token == "" {
			out[e.Name] = append(out[e.Name], e.Text)
		}
	}
	return out, nil
}

// Proofs are the texts that are looked for where a name leads to, by name and token.
func (c *Challenges) Proofs(ctx context.Context) (map[string]map[string]string, error) {
	list, err := c.list(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := map[string]map[string]string{}
	for _, e := range list {
		if e.Token == "" {
			continue
		}
		if out[e.Name] == nil {
			out[e.Name] = map[string]string{}
		}
		out[e.Name][e.Token] = e.Text
	}
	return out, nil
}

// list leaves out what stood for too long.
func (c *Challenges) list(ctx context.Context) ([]challenge, error) {
	var list []challenge
	if err := c.settings.Get(ctx, challengesKey, &list); err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return nil, err
	}
	now := c.now()
	return slices.DeleteFunc(list, func(e challenge) bool { return !now.Before(e.Until) }), nil
}

// edit takes a text away, and adds it where it is to stand.
func (c *Challenges) edit(ctx context.Context, one challenge, stands bool) error {
	for try := 1; ; try++ {
		version, err := c.settings.Version(ctx, challengesKey)
		if err != nil {
			return err
		}
		list, err := c.list(ctx)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(e challenge) bool { return e.Name == one.Name && e.Text == one.Text && e.Token == one.Token })
		if stands {
			one.Until = c.now().Add(challengeTime)
			list = append(list, one)
		}
		if _, err = c.settings.Edit(ctx, challengesKey, version, list); !errors.Is(err, statestore.ErrStale) || try == edits {
			return err
		}
	}
}

// solver lets acmez publish the texts of one order. It presents all before it waits for the first.
type solver struct {
	issuer *Issuer
	wanted Wanted
	// standing are what is presented, by the name that it proves: a text in the zone, or the token that leads to it.
	standing map[string]string
	settled  bool
}

// Present implements acmez.Solver.
func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	one := presented(c)
	s.standing[c.Identifier.Value], s.settled = one.Text, false
	if one.Token != "" {
		s.standing[c.Identifier.Value] = one.Token
	}
	return s.issuer.Challenges.edit(ctx, one, true)
}

// presented is what an authority will look for.
func presented(c acme.Challenge) challenge {
	if c.Type == acme.ChallengeTypeHTTP01 {
		return challenge{Name: c.Identifier.Value, Text: c.KeyAuthorization, Token: c.Token}
	}
	return challenge{Name: c.DNS01TXTRecordName(), Text: c.DNS01KeyAuthorization()}
}

// Wait implements acmez.Waiter: until whoever is to answer for one of the names does, and for some time after that, once
// for all.
func (s *solver) Wait(ctx context.Context, _ acme.Challenge) error {
	if s.settled {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, s.issuer.PublishTime)
	defer cancel()
	answers, settle, what := s.issuer.Published, s.issuer.Settle, dns.ChallengeLabel
	if s.wanted.HTTP {
		answers, settle, what = s.issuer.Answered, s.issuer.SettleHTTP, "the proof of "
	}
	for name, text := range s.standing {
		for {
			err := answers(s.wanted.Cluster, name, text)
			if err == nil {
				break
			}
			if pause(limit, lookEvery) != nil {
				return fmt.Errorf("%s was not published within %s: %w", what+name, s.issuer.PublishTime, err)
			}
		}
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	s.settled = true
	return nil
}

// CleanUp implements acmez.Solver. It is called after ctx ended, too.
func (s *solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.issuer.Challenges.edit(ctx, presented(c), false)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
