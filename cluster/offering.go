package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mixed"
	"github.com/godwit/godwit/statestore"
)

// menu is what a template offers: of one provider it is one offering without a
// name, and so is what cannot be read, which its launch then tells.
func menu(t statestore.Template) mixed.Template {
	if t.Provider == mixed.Name {
		if m, faults := mixed.Parse(t.Spec); len(faults) == 0 {
			return m
		}
	}
	return mixed.Template{Prefer: mixed.ByOrder, Offerings: []mixed.Offering{{Provider: t.Provider, Spec: t.Spec}}}
}

// offer is what is known of one offering of a mixed template.
type offer struct {
	Block *block `json:"block,omitempty"`
	// Failed counts its launches that came to nothing since the last that ran.
	Failed int `json:"failed,omitempty"`
}

// unanswered is how long an offering rests whose provider gave no answer to a
// launch until it timed out.
const unanswered = 5 * time.Minute

// slot is where an offering's block is; of m.mutex.
func (m *memory) slot(offering string) **block {
	if offering == "" {
		return &m.m.Block
	}
	return &m.offer(offering).Block
}

// offer is what is known of an offering, made if it is not; of m.mutex.
func (m *memory) offer(name string) *offer {
	if m.m.Offers == nil {
		m.m.Offers = map[string]*offer{}
	}
	o := m.m.Offers[name]
	if o == nil {
		o = &offer{}
		m.m.Offers[name] = o
	}
	return o
}

// place counts a cluster's nodes by offering, and forgets the offerings that its
// template has no more. Of a node that is being launched the newest claim counts:
// its row may have been read before that was written.
func (m *memory) place(t statestore.Template, offered []mixed.Offering, nodes []*statestore.Node) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	at := map[string]string{}
	m.m.nodes = map[string]int{}
	for _, n := range nodes {
		where := n.Offering
		if claim, ok := m.claims[n.ID]; ok && (n.State == statestore.NodeRequested || n.State == statestore.NodeLaunching) {
			at[n.ID], where = claim, claim
		}
		if where != "" && n.TemplateID == t.ID && policy.State(n.State).Counts() {
			m.m.nodes[where]++
		}
	}
	m.claims = at
	for name := range m.m.Offers {
		if !slices.ContainsFunc(offered, func(o mixed.Offering) bool { return o.Name == name }) {
			delete(m.m.Offers, name)
		}
	}
}

// claim takes the first offering for a node that is neither tried nor resting nor
// full, and says what is passed over before it. Without one, nothing is claimed.
func (m *memory) claim(now time.Time, node string, t statestore.Template, tried map[string]bool) (o mixed.Offering, passed []string, ok bool) {
	offered := menu(t)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, o := range offered.Order(m.m.nodes) {
		if o.Name == "" {
			return o, nil, !tried[""]
		}
		switch why := m.m.rests(now, t, o); {
		case tried[o.Name]: // told when it was refused
		case why != nil:
			passed = append(passed, why.told(now, o.Name)...)
		case o.Full(m.m.nodes[o.Name]):
			passed = append(passed, full(o))
		default:
			m.unclaim(node)
			if m.claims == nil {
				m.claims = map[string]string{}
			}
			m.claims[node] = o.Name
			if m.m.nodes == nil {
				m.m.nodes = map[string]int{}
			}
			m.m.nodes[o.Name]++
			return o, passed, true
		}
	}
	m.unclaim(node)
	return o, passed, false
}

// unclaim gives an offering back; of m.mutex.
func (m *memory) unclaim(node string) {
	if was, ok := m.claims[node]; ok {
		m.m.nodes[was]--
		delete(m.claims, node)
	}
}

func full(o mixed.Offering) string { return fmt.Sprintf("%s: its max %d is reached", o.Name, o.Max) }

// rests returns the block that holds for an offering now.
func (f facts) rests(now time.Time, t statestore.Template, o mixed.Offering) *block {
	b := f.Block
	if o.Name != "" {
		b = nil
		if known := f.Offers[o.Name]; known != nil {
			b = known.Block
		}
	}
	if b == nil || !now.Before(b.Until) || b.excuses(t.ID, t.Version) {
		return nil
	}
	return b
}

// blocked returns the block that holds for all that a template offers.
func (f facts) blocked(now time.Time, t statestore.Template) *block {
	offered := menu(t).Offerings
	var texts []string
	var all *block
	for _, o := range offered {
		b := f.rests(now, t, o)
		switch {
		case b == nil && !o.Full(f.nodes[o.Name]):
			return nil
		case o.Name == "":
			return b
		case b == nil:
			texts = append(texts, full(o))
		default:
			texts = append(texts, o.Name+": "+b.Text)
			if all == nil || b.Until.Before(all.Until) {
				all = b
			}
		}
	}
	whole := block{Class: provisioner.Capacity, Until: now.Add(time.Minute), Text: strings.Join(texts, "; ")}
	if all != nil {
		whole.Class, whole.Until = all.Class, all.Until
	}
	return &whole
}

// other says that another offering than this one might be launched.
func (m *memory) other(now time.Time, t statestore.Template, than string) bool {
	f := m.look()
	return slices.ContainsFunc(menu(t).Offerings, func(o mixed.Offering) bool {
		return o.Name != than && o.Name != "" && f.rests(now, t, o) == nil && !o.Full(f.nodes[o.Name])
	})
}

// oneMoment is how long what a sibling was refused counts as refused to all.
const oneMoment = 10 * time.Second

// told says of an offering that it is not asked, and why: in the words of the
// refusal, where that was just now.
func (b *block) told(now time.Time, offering string) []string {
	if len(b.Refused) > 0 && now.Sub(b.At) < oneMoment {
		return refusals(offering, b.Refused)
	}
	until := fmt.Sprintf(", and is not asked again before %s", b.Until.UTC().Format("15:04:05 MST"))
	if len(b.Refused) == 0 {
		return []string{offering + ": " + b.Text + until}
	}
	out := refusals(offering, b.Refused)
	out[len(out)-1] += until
	return out
}

// refusals tells what an offering was refused.
func refusals(offering string, refused []provisioner.Refusal) []string {
	var out []string
	for _, r := range refused {
		text := r.String()
		if offering != "" {
			text = offering + " " + text
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
