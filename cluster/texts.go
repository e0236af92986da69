package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/statestore"
)

// texts are the challenges that a zone answers with.
type texts struct {
	mutex sync.Mutex
	shown map[string][]string
	err   error // why the last step did not publish all
}

// converged notes what came of telling the zone.
func (t *texts) converged(challenges []dns.Record, err error) {
	shown := map[string][]string{}
	if held, taken := errors.AsType[*dns.HeldError](err); err == nil || taken {
		for _, r := range challenges {
			// A zone does everything but what others hold.
			if !taken || !slices.ContainsFunc(held.Names, func(h dns.Held) bool { return h.Name == r.Name }) {
				shown[r.Name] = r.Texts
			}
		}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.shown, t.err = shown, err
}

// Publishes says whether this is a zone in which the cluster has the name.
func (d *Directory) Publishes(cluster, name string) bool {
	n := d.Names(cluster)
	return name != "" && slices.Contains([]string{n.Available, n.All, n.AvailablePrivate, n.AllPrivate}, name)
}

// Shows says whether the zone answers with the text at the challenge's name of
// name, by the last step; if not, why. Safe for concurrent use.
func (d *Directory) Shows(name, text string) error {
	d.texts.mutex.Lock()
	defer d.texts.mutex.Unlock()
	if slices.Contains(d.texts.shown[dns.ChallengeLabel+name], text) {
		return nil
	}
	if d.texts.err != nil {
		return d.texts.err
	}
	return errors.New("the zone " + d.Name + " has not taken it yet")
}

// challenges are those of the clusters' names here.
func (d *Directory) challenges(ctx context.Context, clusters []statestore.Cluster) ([]dns.Record, error) {
	if d.Texts == nil {
		return nil, nil
	}
	all, err := d.Texts(ctx)
	if err != nil {
		return nil, err
	}
	var out []dns.Record
	for at, values := range all {
		name, ok := strings.CutPrefix(at, dns.ChallengeLabel)
		if ok && slices.ContainsFunc(clusters, func(c statestore.Cluster) bool { return d.Publishes(c.Name, name) }) {
			out = append(out, dns.Record{Name: at, TTL: d.TTL, Texts: values})
		}
	}
	return out, nil
}
