package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// memory is what a cluster's decisions need beyond rows and reports. It is
// stored with every step, so that every timer survives the manager.
type memory struct {
	mutex sync.Mutex // effects note failures while a step runs
	m     facts
	// claims are the offerings at which nodes are being launched, by node.
	claims map[string]string
}

type facts struct {
	// History and Pools are policy's own, given back to it.
	History []policy.Sample     `json:"history,omitempty"`
	Pools   []policy.Assignment `json:"pools,omitempty"`
	// Requests are those that a launch limit may still count. They outlive their
	// rows: what was refused was asked for too.
	Requests []requested          `json:"requests,omitempty"`
	Errors   []policy.LaunchError `json:"errors,omitempty"`
	Block    *block               `json:"block,omitempty"`
	// Offers are what is known of a mixed template's offerings, by name.
	Offers map[string]*offer `json:"offers,omitempty"`
	// BootS are the last boots, in seconds from request to running.
	BootS []int `json:"boot_s,omitempty"`
	// ShortSince is since when fewer nodes are available than must be.
	ShortSince time.Time `json:"short_since,omitzero"`
	// Failed counts launches that came to nothing since the last that ran.
	Failed     int       `json:"failed,omitempty"`
	FailedAt   time.Time `json:"failed_at,omitzero"`
	FailedText string    `json:"failed_text,omitempty"`
	// WarmAt is when a node last failed to stop or to start again.
	WarmAt   time.Time `json:"warm_at,omitzero"`
	WarmText string    `json:"warm_text,omitempty"`
	// StartFailed is when the provider last refused to start a stopped node.
	StartFailed map[string]time.Time `json:"start_failed,omitempty"`

	nodes map[string]int // by offering; see place
}

// requested is one row that was written for a launch.
type requested struct {
	Node string    `json:"node"`
	At   time.Time `json:"at"`
	// Decision that asked for it; empty where that is not known any more.
	Decision string `json:"decision,omitempty"`
}

// block holds back launches after a failure that the next one would share.
type block struct {
	Class provisioner.Class `json:"class"`
	// At is when it was last set, Until when it ends.
	At      time.Time `json:"at,omitzero"`
	Until   time.Time `json:"until"`
	Text    string    `json:"text"`
	Strikes int       `json:"strikes"`
	// Refused is what the provider told of its offerings; may be empty.
	Refused []provisioner.Refusal `json:"refused,omitempty"`
	// TemplateID that was refused: another one is tried at once, whatever the
	// class, for it may be of another provider, place or size.
	TemplateID string `json:"template_id,omitempty"`
	// TemplateVersion of it, where the class says that the template itself is
	// wrong: corrected, it is tried at once too.
	TemplateVersion int64 `json:"template_version,omitempty"`
	// Boots: the provider gives, but what it gives does not become nodes.
	Boots bool `json:"boots,omitempty"`
}

const (
	keepErrors = 20
	// lately is how long a failed launch is worth telling, and holds back what is
	// launched for reserve only.
	lately    = 10 * time.Minute
	keepBoots = 11
	// keepRequests covers the longest launch limit that a policy may set.
	keepRequests = time.Hour
)

// pauses after a refused launch: the first and the longest. Capacity comes and
// goes within minutes (three is what others found right); a quota is raised by
// people, a template corrected by them.
func pauses(class provisioner.Class) (first, longest time.Duration) {
	switch class {
	case provisioner.Capacity:
		return 15 * time.Second, 3 * time.Minute
	case provisioner.Quota:
		return 30 * time.Second, 5 * time.Minute
	case provisioner.Throttled, provisioner.Transient:
		return 5 * time.Second, time.Minute
	case provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound, provisioner.Unsupported:
	}
	return 30 * time.Second, 5 * time.Minute
}

func newMemory(raw json.RawMessage, now time.Time) (*memory, error) {
	m := &memory{}
	if len(raw) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(raw, &m.m); err != nil {
		return &memory{}, fmt.Errorf("cluster's memory: %w", err)
	}
	m.m.noFuture(now)
	return m, nil
}

func (m *memory) marshal() (json.RawMessage, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return json.Marshal(m.m)
}

// look returns a copy that no effect changes.
func (m *memory) look() facts {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	f := m.m
	f.Requests, f.Errors, f.BootS = slices.Clone(f.Requests), slices.Clone(f.Errors), slices.Clone(f.BootS)
	f.StartFailed = maps.Clone(f.StartFailed)
	if f.Block != nil {
		b := *f.Block
		f.Block = &b
	}
	f.Offers = make(map[string]*offer, len(m.m.Offers))
	for name, o := range m.m.Offers {
		known := *o
		if o.Block != nil {
			b := *o.Block
			known.Block = &b
		}
		f.Offers[name] = &known
	}
	f.nodes = maps.Clone(m.m.nodes)
	return f
}

// decided keeps what a plan wants back next time.
func (m *memory) decided(plan policy.Plan, p policy.Policy) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.Pools = plan.Pools
	m.m.History = policy.Remember(m.m.History, plan.Sample, p)
	switch c := plan.Capacity; {
	case c.Available >= c.MinAvailable:
		m.m.ShortSince = time.Time{}
	case m.m.ShortSince.IsZero():
		m.m.ShortSince = plan.Sample.At
	}
}

// failed notes a node that came to nothing, by what it was doing.
func (m *memory) failed(now time.Time, n *statestore.Node, why string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	switch n.State {
	case statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeBooting:
		m.m.Failed, m.m.FailedAt, m.m.FailedText = m.m.Failed+1, now, n.Name+": "+why
		failed := m.m.Failed
		if n.Offering != "" {
			o := m.offer(n.Offering)
			o.Failed++
			failed = o.Failed
		}
		m.pauseBoots(now, n, failed)
	case statestore.NodeStopping, statestore.NodeStopped, statestore.NodeStarting:
		m.m.WarmAt, m.m.WarmText = now, n.Name+" ("+string(n.State)+"): "+why
	case statestore.NodeRunning, statestore.NodeDraining, statestore.NodeTerminating, statestore.NodeTerminated,
		statestore.NodeFailed, statestore.NodeLost:
	}
}

// pauseBoots holds launches back once several in a row have come to nothing,
// longer with each: what keeps nodes from booting, a script or an image, keeps
// the next one too. Another version of the template is tried at once. Of a mixed
// template it holds for the node's offering alone, and there one launch without
// an answer is enough: another may have one.
func (m *memory) pauseBoots(now time.Time, n *statestore.Node, failed int) {
	if n.Offering != "" && n.State == statestore.NodeLaunching {
		*m.slot(n.Offering) = &block{
			Class: provisioner.Transient, At: now, Until: now.Add(unanswered), TemplateID: n.TemplateID,
			Text: fmt.Sprintf("%s did not say whether it launched %s", n.Provider, n.Name),
		}
		return
	}
	if failed < fewFailures {
		return
	}
	first, longest := pauses(provisioner.InvalidTemplate)
	*m.slot(n.Offering) = &block{
		Class: provisioner.InvalidTemplate, Boots: true, At: now, Until: now.Add(min(first<<min(failed-fewFailures, 10), longest)),
		Text:       fmt.Sprintf("%d launches in a row came to nothing, the last one %s", failed, m.m.FailedText),
		TemplateID: n.TemplateID, TemplateVersion: n.TemplateVersion,
	}
}

// requested notes rows once each, and forgets what no limit counts any more.
func (m *memory) requested(now time.Time, rows ...*statestore.Node) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	old := now.Add(-keepRequests)
	m.m.Requests = slices.DeleteFunc(m.m.Requests, func(q requested) bool { return q.At.Before(old) })
	known := make(map[string]bool, len(m.m.Requests))
	for _, q := range m.m.Requests {
		known[q.Node] = true
	}
	for _, row := range rows {
		if !known[row.ID] && !row.RequestedAt.Before(old) {
			m.m.Requests = append(m.m.Requests, requested{Node: row.ID, At: row.RequestedAt})
		}
	}
}

// because notes which decision asked for a node that was requested.
func (m *memory) because(node, decision string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i := range m.m.Requests {
		if m.m.Requests[i].Node == node {
			m.m.Requests[i].Decision = decision
		}
	}
}

// decisionOf is the decision that asked for a node; empty if not known.
func (m *memory) decisionOf(node string) string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, q := range m.m.Requests {
		if q.Node == node {
			return q.Decision
		}
	}
	return ""
}

// refused notes a launch that failed for a reason that the next at the same
// offering would share.
func (m *memory) refused(now time.Time, err error, n *statestore.Node) {
	class := provisioner.ClassOf(err)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.Errors = append(m.m.Errors, policy.LaunchError{At: now, Offering: n.Offering, Kind: string(class)})
	m.m.Errors = m.m.Errors[max(0, len(m.m.Errors)-keepErrors):]
	strikes, slot := 0, m.slot(n.Offering)
	if b := *slot; b != nil && !b.excuses(n.TemplateID, n.TemplateVersion) {
		if b.Class == class && now.Before(b.Until) {
			b.At, b.Text, b.Refused = now, err.Error(), provisioner.Refused(err) // asked together with the one that set it
			return
		}
		if b.Class == class {
			strikes = b.Strikes + 1
		}
	}
	first, longest := pauses(class)
	pause := max(min(first<<min(strikes, 10), longest), provisioner.RetryAfter(err))
	b := &block{Class: class, At: now, Until: now.Add(pause), Text: err.Error(), Refused: provisioner.Refused(err), Strikes: strikes, TemplateID: n.TemplateID}
	if kindOf(class) == conditionTemplate {
		b.TemplateVersion = n.TemplateVersion
	}
	*slot = b
}

// launched ends an offering's block and what is told of failures: the provider
// gives again. What was refused after it was asked for this one stays refused.
func (m *memory) launched(offering string, asked time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.Errors = slices.DeleteFunc(m.m.Errors, func(e policy.LaunchError) bool { return !e.At.After(asked) || e.Offering != offering })
	if slot := m.slot(offering); *slot != nil && !(*slot).Boots && !(*slot).At.After(asked) {
		*slot = nil
	}
}

func (m *memory) booted(took time.Duration, offering string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.BootS = append(m.m.BootS, max(1, int(took.Round(time.Second)/time.Second)))
	m.m.BootS = m.m.BootS[max(0, len(m.m.BootS)-keepBoots):]
	m.m.Failed, m.m.FailedText = 0, ""
	if offering != "" {
		m.offer(offering).Failed = 0
	}
	if slot := m.slot(offering); *slot != nil && (*slot).Boots {
		*slot = nil
	}
}

// excuses says that the block is about another template, or another version of
// it.
func (b *block) excuses(templateID string, templateVersion int64) bool {
	return b.TemplateID != "" && b.TemplateID != templateID ||
		b.TemplateVersion != 0 && b.TemplateVersion != templateVersion
}

// failures are the launches that failed lately.
func (f facts) failures(now time.Time) []policy.LaunchError {
	for i, e := range f.Errors {
		if now.Sub(e.At) < lately {
			return f.Errors[i:]
		}
	}
	return nil
}

// bootS is the median of the last boots; 0 when none is known.
func (f facts) bootS() int {
	if len(f.BootS) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.BootS))
	return sorted[len(sorted)/2]
}
