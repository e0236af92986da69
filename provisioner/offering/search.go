package offering

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Market is what a provider remembers of its cloud. Its zero value is ready; it
// is safe for concurrent use.
type Market struct {
	Spread   Spread
	refusals refusals
}

// Search is one launch's way through what its template offers.
type Search struct {
	Request provisioner.LaunchRequest
	Region  string
	Wanted  Wanted
	// Most offerings are asked for; the next call goes on behind them, for what was
	// refused is remembered.
	Most int
	// Open is asked for first and whatever is remembered of it: it may have been had
	// already, of a call whose answer was lost. Nil: there is none.
	Open *Offering
	// Ask launches at one offering.
	Ask func(context.Context, Offering) (provisioner.Instance, error)
	// Tidy removes what the cloud keeps of a launch that it refused, which is
	// remembered by then. An instance that it finds ends the search. May be nil.
	Tidy func(context.Context) (provisioner.Instance, error)
	// Judge says whether a failure of Ask is its offering's.
	Judge func(error) Verdict
	Cloud provisioner.Vendor
	Now   func() time.Time
	Log   *slog.Logger
}

// First asks for one offering after the other until the cloud has one. Those that
// it lately refused are passed over.
func (m *Market) First(ctx context.Context, s Search) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	var refused []refusal
	asked, cluster := 0, s.Request.Owner.Cluster
	log := s.Log.With("node", s.Request.NodeName)
	if s.Request.OnDemand {
		s.Wanted.SpotPercent = 0
	}
	list := s.Wanted.List(s.Request.ClientToken, m.Spread.Of(cluster))
	if s.Open != nil {
		list = slices.Insert(slices.DeleteFunc(list, func(o Offering) bool { return o == *s.Open }), 0, *s.Open)
	}
	for len(list) > 0 && asked < s.Most {
		open := s.Open != nil && *s.Open == list[0]
		var o Offering
		// Counted before it is there: launches of the same moment go elsewhere.
		o, list = m.Spread.take(cluster, list, open)
		if what, lately := m.refusals.of(s.Now(), s.Region, o); lately && !open {
			m.Spread.Add(cluster, o.Zone, -1)
			refused = append(refused, what)
			continue
		}
		asked++
		instance, err := s.Ask(ctx, o)
		if err == nil {
			instance.PassedOver = told(refused)
			return instance, nil
		}
		m.Spread.Add(cluster, o.Zone, -1)
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		verdict := s.Judge(err)
		if verdict.Rests == 0 {
			return none, s.Cloud.Failure("launch", o.String(), err)
		}
		what := m.refusals.note(s.Now(), s.Region, o, verdict, s.Cloud.Text(err))
		log.Info("an offering is refused", "offering", o.String(), "err", what.text)
		refused = append(refused, what)
		if s.Tidy == nil {
			continue
		}
		if left, err := s.Tidy(ctx); err != nil || left.ID != "" {
			return left, err
		}
	}
	return none, exhausted(s.Request.NodeID, "instance_types", s.Now(), refused)
}
