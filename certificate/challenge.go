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
		out[e.Name] = append(out[e.Name], e.Text)
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
func (c *Challenges) edit(ctx context.Context, name, text string, stands bool) error {
	for try := 1; ; try++ {
		version, err := c.settings.Version(ctx, challengesKey)
		if err != nil {
			return err
		}
		list, err := c.list(ctx)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(e challenge) bool { return e.Name == name && e.Text == text })
		if stands {
			list = append(list, challenge{name, text, c.now().Add(challengeTime)})
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
	// standing are the texts that are presented, by the name that they prove.
	standing map[string]string
	settled  bool
}

// Present implements acmez.Solver.
func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	s.standing[c.Identifier.Value], s.settled = c.DNS01KeyAuthorization(), false
	return s.issuer.Challenges.edit(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization(), true)
}

// Wait implements acmez.Waiter: until every zone that has one of the names answers with its text, and for Settle after
// that, once for all.
func (s *solver) Wait(ctx context.Context, _ acme.Challenge) error {
	if s.settled {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, s.issuer.PublishTime)
	defer cancel()
	for name, text := range s.standing {
		for {
			err := s.issuer.Published(s.wanted.Cluster, name, text)
			if err == nil {
				break
			}
			if pause(limit, lookEvery) != nil {
				return fmt.Errorf("%s was not published within %s: %w", dns.ChallengeLabel+name, s.issuer.PublishTime, err)
			}
		}
	}
	if err := pause(ctx, s.issuer.Settle); err != nil {
		return err
	}
	s.settled = true
	return nil
}

// CleanUp implements acmez.Solver. It is called after ctx ended, too.
func (s *solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.issuer.Challenges.edit(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization(), false)
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
