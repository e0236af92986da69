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
}

// requested is one row that was written for a launch.
type requested struct {
	Node string    `json:"node"`
	At   time.Time `json:"at"`
}

// block holds back launches after a failure that the next one would share.
type block struct {
	Class   provisioner.Class `json:"class"`
	Until   time.Time         `json:"until"`
	Text    string            `json:"text"`
	Strikes int               `json:"strikes"`
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
		m.pauseBoots(now, n)
	case statestore.NodeStopping, statestore.NodeStopped, statestore.NodeStarting:
		m.m.WarmAt, m.m.WarmText = now, n.Name+" ("+string(n.State)+"): "+why
	case statestore.NodeRunning, statestore.NodeDraining, statestore.NodeTerminating, statestore.NodeTerminated,
		statestore.NodeFailed, statestore.NodeLost:
	}
}

// pauseBoots holds launches back once several in a row have come to nothing,
// longer with each: what keeps nodes from booting, a script or an image, keeps
// the next one too. Another version of the template is tried at once.
func (m *memory) pauseBoots(now time.Time, n *statestore.Node) {
	if m.m.Failed < fewFailures {
		return
	}
	first, longest := pauses(provisioner.InvalidTemplate)
	m.m.Block = &block{
		Class: provisioner.InvalidTemplate, Boots: true, Until: now.Add(min(first<<min(m.m.Failed-fewFailures, 10), longest)),
		Text:       fmt.Sprintf("%d launches in a row came to nothing, the last one %s", m.m.Failed, m.m.FailedText),
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
			m.m.Requests = append(m.m.Requests, requested{row.ID, row.RequestedAt})
		}
	}
}

// refused notes a launch that failed for a reason that the next would share.
func (m *memory) refused(now time.Time, err error, templateID string, templateVersion int64) {
	class := provisioner.ClassOf(err)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.Errors = append(m.m.Errors, policy.LaunchError{At: now, Kind: string(class)})
	m.m.Errors = m.m.Errors[max(0, len(m.m.Errors)-keepErrors):]
	strikes := 0
	if b := m.m.Block; b != nil && !b.excuses(templateID, templateVersion) {
		if b.Class == class && now.Before(b.Until) {
			b.Text = err.Error() // asked together with the one that set it
			return
		}
		if b.Class == class {
			strikes = b.Strikes + 1
		}
	}
	first, longest := pauses(class)
	pause := max(min(first<<min(strikes, 10), longest), provisioner.RetryAfter(err))
	m.m.Block = &block{Class: class, Until: now.Add(pause), Text: err.Error(), Strikes: strikes, TemplateID: templateID}
	if kindOf(class) == conditionTemplate {
		m.m.Block.TemplateVersion = templateVersion
	}
}

// launched ends a block and what is told of failures: the provider gives again.
func (m *memory) launched() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.Errors = nil
	if b := m.m.Block; b != nil && !b.Boots {
		m.m.Block = nil
	}
}

func (m *memory) booted(took time.Duration) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.m.BootS = append(m.m.BootS, max(1, int(took.Round(time.Second)/time.Second)))
	m.m.BootS = m.m.BootS[max(0, len(m.m.BootS)-keepBoots):]
	m.m.Failed, m.m.FailedText = 0, ""
	if b := m.m.Block; b != nil && b.Boots {
		m.m.Block = nil
	}
}

// blocked returns the block that holds now for a template.
func (f facts) blocked(now time.Time, t statestore.Template) *block {
	b := f.Block
	if b == nil || !now.Before(b.Until) || b.excuses(t.ID, t.Version) {
		return nil
	}
	return b
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
