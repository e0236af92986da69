package chaos

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit/godwit/statestore"
)

// bad is what an operator, or the cloud, gets wrong for long.
type bad interface {
	// stranger answers as the cloud answers somebody it does not know.
	stranger() http.Handler
	wrong() []mistake
	// starve leaves a quota of nothing, or more than anybody needs.
	starve(bool)
	// zoneOut takes a zone away for good.
	zoneOut() (zone string)
	throttle(bool)
}

// mistake is a template that can never be launched.
type mistake struct {
	what, field string
	changes     map[string]any
}

// script is text that does not compress.
func script(bytes int) string {
	raw, chance := make([]byte, bytes*3/4), rand.New(rand.NewPCG(1, 2)) //nolint:gosec // any text will do
	for i := range raw {
		raw[i] = byte(chance.Uint32())
	}
	return "#!/bin/sh\n# " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// onEach runs a test with each cloud, in virtual time, over a cluster that wants
// two nodes.
func onEach(t *testing.T, test func(*testing.T, *history)) {
	t.Helper()
	t.Parallel()
	for name, open := range map[string]func(uint64) cloud{"aws": newEC2, "gcp": newGCE, "azure": newAzure} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, scene(t, open)) })
		})
	}
}

func scene(t *testing.T, open func(uint64) cloud) *history {
	t.Helper()
	h := newHistory(1, open(1))
	h.scripted = true
	h.policy.MinAvailable, h.policy.MaxNodes, h.policy.WarmNodes = 2, 4, 0
	t.Cleanup(func() {
		if len(h.faults) > 0 {
			t.Error(h.faults[0])
		}
		if t.Failed() {
			t.Log("\n" + strings.Join(h.lines, "\n"))
		}
	})
	return h
}

// lasts lets time pass, with a promise that must hold all the while.
func (h *history) lasts(d time.Duration, holds func([]machine)) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		h.pass(holds)
	}
}

// settles is a promise for what follows when all is well again.
func (h *history) settles(passes int) {
	open := "nothing was looked at"
	for range passes {
		if h.pass(func(machines []machine) { open = h.unsettled(machines) }); open == "" {
			return
		}
	}
	h.with(func() { h.fault("%d passes later: %s", passes, open) })
}

// tells says whether a condition is open whose text has all the words.
func (h *history) tells(kind string, words ...string) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, c := range h.db.open {
		all := c.Kind == kind && c.Next != ""
		for _, word := range words {
			all = all && strings.Contains(c.Text, word)
		}
		if all {
			return true
		}
	}
	return false
}

func nothing(t *testing.T, h *history) func([]machine) {
	t.Helper()
	return func(machines []machine) {
		if !t.Failed() && len(machines)+len(h.cloud.unused()) > 0 {
			t.Errorf("there are %v, and %v", machines, h.cloud.unused())
		}
	}
}

// few: what failed before is not asked for all the time.
func (h *history) few(t *testing.T, rows int) {
	t.Helper()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if n := len(h.db.rows); n > rows {
		t.Errorf("%d launches, want %d at most", n, rows)
	}
}

// A template that names what is not there, or that a machine cannot be told, is
// refused by the field; a cluster that has it launches nothing, leaves nothing, asks
// now and then, says why, and goes on at once when the template is corrected.
func TestWrongTemplateIsBlamedOnItsField(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(uint64) cloud{"aws": newEC2, "gcp": newGCE, "azure": newAzure} {
		for _, m := range open(1).wrong() {
			t.Run(name+"/"+m.what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { m.play(t, scene(t, open)) })
			})
		}
	}
}

func (m mistake) play(t *testing.T, h *history) {
	provider, spec := h.cloud.spec(m.changes)
	asking, ending, err := h.cloud.open(wire{&manager{h: h, cancel: func() {}}, h.cloud.handler()})
	if err != nil {
		t.Fatal(err)
	}
	defer ending()
	faults, err := asking.Validate(context.Background(), spec)
	field, _, _ := strings.Cut(m.field, "[") // a launch is refused for one of them as for all
	if err != nil || len(faults) == 0 || faults[len(faults)-1].Field != m.field || !strings.HasPrefix(faults[0].Field, field) {
		t.Errorf("checked: %v, %v; want a fault of %s", faults, err, m.field)
	}
	h.begin(provider, spec)
	h.lasts(20*time.Minute, nothing(t, h))
	h.few(t, 20)
	if !h.tells("template_invalid", field) {
		t.Errorf("no condition template_invalid for %s", field)
	}
	h.with(func() {
		_, h.db.template.Spec = h.cloud.spec(nil)
		h.db.template.Version++
	})
	h.settles(40)
	h.end()
}

func TestStrangeCredentialsAreToldAndChangeNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		h.denied = true
		h.begin(h.cloud.spec(nil))
		h.lasts(10*time.Minute, nothing(t, h))
		h.few(t, 16)
		if !h.tells("credentials_failing") {
			t.Error("no condition credentials_failing")
		}
		h.deny(false)
		h.settles(80)
		// And while nodes serve: they go on.
		before := h.cloud.machines()
		h.deny(true)
		h.lasts(10*time.Minute, h.unchanged(t, before))
		h.deny(false)
		h.settles(40)
		h.end()
	})
}

func (h *history) deny(denied bool) { h.with(func() { h.denied = denied }) }

// with holds the lock while a test looks at the history or changes it.
func (h *history) with(f func()) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	f()
}

// unchanged: the machines are those of before, and their rows run.
func (h *history) unchanged(t *testing.T, before []machine) func([]machine) {
	t.Helper()
	return func(now []machine) {
		if len(now) != len(before) || len(h.db.living()) != len(before) {
			t.Errorf("%v, were %v; rows %d", now, before, len(h.db.living()))
		}
		for _, row := range h.db.living() {
			if row.State != statestore.NodeRunning {
				t.Errorf("%s is %s", row.ID, row.State)
			}
		}
	}
}

func TestQuotaOfNothingIsToldAndNotHammered(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		h.cloud.starve(true)
		h.begin(h.cloud.spec(nil))
		h.lasts(30*time.Minute, nothing(t, h))
		h.few(t, 24)
		if !h.tells("quota_reached") {
			t.Error("no condition quota_reached")
		}
		h.cloud.starve(false)
		h.settles(boundPasses)
		h.end()
	})
}

func TestZoneThatIsOutCostsNoTime(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		zone := h.cloud.zoneOut()
		h.begin(h.cloud.spec(nil))
		h.settles(40)
		for _, m := range h.cloud.machines() {
			if m.zone == zone {
				t.Errorf("%s stands in %s, which is out", m.id, zone)
			}
		}
		h.end()
	})
}

// Throttled for ten minutes, a manager asks less rather than more, makes nothing
// twice, ends nothing that serves, and goes on.
func TestThrottlingForTenMinutes(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		h.begin(h.cloud.spec(nil))
		h.settles(40)
		before := h.cloud.machines()
		more := 4
		h.with(func() { h.met["calls"], h.db.cluster.DesiredOverride = 0, &more })
		h.cloud.throttle(true)
		h.lasts(10*time.Minute, func(now []machine) {
			if len(now) != len(before) {
				t.Errorf("%v, were %v", now, before)
			}
		})
		calls := 0
		h.with(func() { calls = h.met["calls"] })
		t.Logf("%d calls in ten minutes", calls)
		if calls > 10*60 {
			t.Errorf("%d calls in ten minutes, more than one a second", calls)
		}
		h.with(func() {
			for _, m := range before {
				if row := h.db.rows[m.node]; row.State != statestore.NodeRunning {
					t.Errorf("%s is %s", row.ID, row.State)
				}
			}
			h.policy.MinAvailable = more // what is wanted by hand
		})
		h.cloud.throttle(false)
		h.settles(boundPasses)
		h.end()
	})
}

// A first-boot script that fails: its node says so, is ended and replaced; after
// some the launches pause, with the script's words as the reason.
func TestFirstBootThatFailsPausesLaunches(t *testing.T) {
	onEach(t, func(t *testing.T, h *history) {
		const says = "the first-boot script ended with code 3: no scratch disk"
		h.begin(h.cloud.spec(nil))
		h.with(func() { h.failing = says })
		most := 0
		h.lasts(time.Hour, func(now []machine) { most = max(most, len(now)) })
		h.few(t, 30)
		if most == 0 || most > h.policy.MaxNodes {
			t.Errorf("%d machines at once, maximum %d", most, h.policy.MaxNodes)
		}
		if !h.tells("launches_failing", "no scratch disk") {
			t.Error("no condition launches_failing with the script's words")
		}
		h.with(func() {
			for _, row := range h.db.rows {
				if row.State == statestore.NodeTerminated && !strings.Contains(row.FailureReason, "no scratch disk") {
					t.Errorf("row %s does not say why it failed: %q", row.ID, row.FailureReason)
				}
			}
			h.failing = ""
			h.db.template.Version++
		})
		h.settles(80)
		h.end()
	})
}

// changed is a template's fields with changes; nil takes one away.
func changed(fields, changes map[string]any) json.RawMessage {
	maps.Copy(fields, changes)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	return asJSON(fields)
}
