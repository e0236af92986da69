package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
	"github.com/godwit/godwit/policy/whatif"
	"github.com/godwit/godwit/statestore"
)

const (
	// sampleEvery is how far apart samples of the load are at the least.
	sampleEvery = 5 * time.Second
	// chunkWrite is how often the chunk that fills is stored: so much is lost when
	// a manager dies.
	chunkWrite = time.Minute
	// chunkSpan is how much time a chunk covers, and chunkMost how much it is let
	// grow to while it cannot be stored.
	chunkSpan = 10 * time.Minute
	chunkMost = time.Hour
	// foresight is how far ahead snapshots carry the forecast: more than the
	// longest boot that policy reckons with.
	foresight = 30 * time.Minute
)

// memoir is what a leader records and learns of one cluster.
type memoir struct {
	recorder whatif.Recorder
	sampled  time.Time
	chunk    statestore.LoadChunk
	written  time.Time
	profile  *forecast.Profile
	kept     time.Time // what the stored profile has learnt until
}

// memoir returns the cluster's, with what was learnt in earlier terms.
func (r *Reconciler) memoir(ctx context.Context, clusterID string) (*memoir, error) {
	if m := r.memoirs[clusterID]; m != nil {
		return m, nil
	}
	profile, err := r.learnt(ctx, clusterID)
	if err != nil {
		return nil, err
	}
	m := &memoir{profile: profile, kept: profile.Until()}
	r.memoirs[clusterID] = m
	return m, nil
}

// learnt reads the stored profile. One that cannot be read is begun anew: it is
// of another build, and a week teaches it again.
func (r *Reconciler) learnt(ctx context.Context, clusterID string) (*forecast.Profile, error) {
	raw, err := r.config.Store.Forecast(ctx, clusterID)
	if errors.Is(err, statestore.ErrNotFound) {
		return &forecast.Profile{}, nil
	}
	if err != nil {
		return nil, err
	}
	profile := &forecast.Profile{}
	if err := profile.UnmarshalBinary(raw); err != nil {
		r.log.Warn("a stored forecast cannot be read and begins anew", "cluster", clusterID, "err", err)
		return &forecast.Profile{}, nil
	}
	return profile, nil
}

// foresee is what the past says of the next minutes; nil where policy does not
// ask or nothing was learnt.
func foresee(profile *forecast.Profile, p policy.Policy, now time.Time) *policy.Forecast {
	if p.Forecast == policy.ForecastOff || profile.Until().IsZero() {
		return nil
	}
	return profile.Forecast(now, foresight)
}

// record keeps what a step saw. Only the loss of leadership stops the step: the
// rest costs what-if and forecast some time, which a condition tells.
func (r *Reconciler) record(ctx context.Context, b *round, m *memoir, s policy.Snapshot, plan policy.Plan) error {
	r.learn(b, m, plan)
	r.sample(b, m, s)
	err := errors.Join(r.keepLoad(ctx, b, m), r.keepForecast(ctx, b, m))
	if errors.Is(err, statestore.ErrFenced) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		r.conditions.want(b.cluster.ID, conditionRecording, "", "load is not recorded: "+err.Error())
		r.log.Warn("record load", "cluster", b.cluster.Name, "err", err)
	}
	return nil
}

// learn teaches the forecast. A manager that has only begun to hear does not
// know demand: silence is not want of load.
func (r *Reconciler) learn(b *round, m *memoir, plan policy.Plan) {
	if b.now.Sub(r.listening) < time.Duration(b.policy.ReportTimeoutS)*time.Second {
		return
	}
	m.profile.Learn(b.now, plan.Capacity.Demand)
}

func (r *Reconciler) sample(b *round, m *memoir, s policy.Snapshot) {
	if since := b.now.Sub(m.sampled); since >= 0 && since < sampleEvery {
		return
	}
	m.sampled = b.now
	sample := m.recorder.Observe(s, b.now)
	c := &m.chunk
	if c.Samples == 0 {
		*c = statestore.LoadChunk{ClusterID: b.cluster.ID, At: sample.At}
		m.written = b.now
	}
	c.Until, c.Samples, c.Data = sample.At, c.Samples+1, sample.Append(c.Data)
}

// keepLoad stores the chunk that fills, and begins another when it is full.
func (r *Reconciler) keepLoad(ctx context.Context, b *round, m *memoir) error {
	if m.chunk.Samples == 0 || b.now.Sub(m.written) < chunkWrite {
		return nil
	}
	err := r.config.Store.PutLoad(ctx, b.term, m.chunk)
	span := m.chunk.Until.Sub(m.chunk.At)
	if err == nil {
		m.written = b.now
	}
	if err == nil && span >= chunkSpan || span >= chunkMost {
		m.chunk = statestore.LoadChunk{}
	}
	return err
}

// keepForecast stores the profile when it has learnt another bucket.
func (r *Reconciler) keepForecast(ctx context.Context, b *round, m *memoir) error {
	until := m.profile.Until()
	if until.Equal(m.kept) {
		return nil
	}
	raw, err := m.profile.MarshalBinary()
	if err != nil {
		return fmt.Errorf("forecast: %w", err)
	}
	if err := r.config.Store.PutForecast(ctx, b.term, b.cluster.ID, raw); err != nil {
		return err
	}
	m.kept = until
	return nil
}

// Profile is what the cluster's past has taught the forecast, as last stored: at
// most five minutes ago where a manager leads. Any manager may answer.
func (r *Reconciler) Profile(ctx context.Context, clusterID string) (*forecast.Profile, error) {
	return r.learnt(ctx, clusterID)
}

// Recording is the cluster's load that was recorded from from to to, without the
// last minute, and what is known of it that a what-if needs. Any manager may
// answer.
func (r *Reconciler) Recording(ctx context.Context, clusterID string, from, to time.Time) (whatif.Recording, whatif.Options, error) {
	b, err := r.look(ctx, clusterID, nil)
	if err != nil {
		return nil, whatif.Options{}, err
	}
	options := whatif.Options{CanStop: r.canStop(b)}
	for _, s := range b.memory.look().BootS {
		options.Boot = append(options.Boot, time.Duration(s)*time.Second)
	}
	chunks, err := r.config.Store.Loads(ctx, clusterID, from, to)
	if err != nil {
		return nil, options, err
	}
	var joined []byte
	for _, c := range chunks {
		joined = append(joined, c.Data...)
	}
	recording, err := whatif.Decode(joined)
	if err != nil {
		return nil, options, err
	}
	first, last := 0, len(recording)
	for first < last && recording[first].At.Before(from) {
		first++
	}
	for last > first && !recording[last-1].At.Before(to) {
		last--
	}
	return recording[first:last], options, nil
}
