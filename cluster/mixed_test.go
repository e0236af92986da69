package cluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// twoClouds is a quiet world whose template offers both; the other cloud is the
// offering "dear".
func twoClouds(t *testing.T, change func(*policy.Policy)) *world {
	t.Helper()
	w := newWorld(1)
	w.mixed = true
	return calm(t, w, change)
}

// at counts living rows by provider and offering.
func (w *world) at() map[string]int {
	count := map[string]int{}
	for _, row := range w.db.living() {
		count[row.Provider+" "+row.Offering]++
	}
	return count
}

// reasons are those of all decisions that did something, with a code.
func (w *world) reasons(t *testing.T, code policy.Code) []string {
	t.Helper()
	var texts []string
	for i := 1; i <= w.db.made; i++ {
		d := w.db.acted[fmt.Sprint("d", i)]
		if d == nil {
			continue
		}
		var list []policy.Reason
		if err := json.Unmarshal(d.Reasons, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if r.Code == code {
				texts = append(texts, r.Text)
			}
		}
	}
	return texts
}

func TestRefusedLaunchGoesToTheNextOfferingWithinOneEvaluation(t *testing.T) {
	t.Parallel()
	for class, word := range map[provisioner.Class]string{
		provisioner.Capacity: "no capacity", provisioner.Quota: "quota reached", provisioner.Unauthorized: "unauthorized", provisioner.InvalidTemplate: "not to be had",
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			w := twoClouds(t, nil)
			w.cloud.refuse, w.cloud.refuseUntil = class, w.now.Add(time.Hour)
			w.until(t, time.Minute, "two machines in the other cloud", func() bool { return len(w.sky.all()) == 2 })
			if len(w.db.acted) != 1 || len(w.db.rows) != 2 || len(w.cloud.all()) != 0 {
				t.Errorf("%d decisions, %d rows, %d machines in the first cloud", len(w.db.acted), len(w.db.rows), len(w.cloud.all()))
			}
			w.until(t, 5*time.Minute, "two nodes", w.running(2))
			if at := w.at(); at["sky dear"] != 2 {
				t.Errorf("rows are at %v", at)
			}
			told := w.reasons(t, policy.CodePassedOver)
			if len(told) == 0 || !strings.HasPrefix(told[0], "sim: "+word) || !strings.HasSuffix(told[len(told)-1], "launched at sky") {
				t.Errorf("the decision tells %q", told)
			}
		})
	}
}

func TestQuotaOfOneCloudTakesWhatFits(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, func(p *policy.Policy) { p.MinAvailable = 4 })
	w.cloud.quota = 3
	w.until(t, 5*time.Minute, "four nodes", w.running(4))
	if at := w.at(); at["sim sim"] != 3 || at["sky dear"] != 1 {
		t.Errorf("rows are at %v", at)
	}
	if c := w.db.open["quota_reached/sim"]; c.Text == "" {
		t.Errorf("no condition tells of the quota: %v", w.db.open)
	}
	w.cloud.quota = 10
	w.pass(10 * time.Minute)
	if len(w.db.open) != 0 {
		t.Errorf("conditions stay open: %v", w.db.open)
	}
}

// What was refused is remembered for its offering alone, also by the next leader.
func TestRestingOfferingIsNotAskedAndNothingElseIsHeldBack(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, nil)
	w.cloud.refuse, w.cloud.refuseUntil, w.cloud.advice = provisioner.Capacity, w.now.Add(time.Hour), 10*time.Minute
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	three := 3
	w.db.cluster.DesiredOverride = &three
	w.until(t, time.Minute, "a third", func() bool { return len(w.sky.all()) == 3 })
	w.step() // in which the leader's memory is stored
	asked := w.met["capacity"]
	four := 4
	w.db.cluster.DesiredOverride = &four
	w.takeOver()
	w.until(t, time.Minute, "a fourth", func() bool { return len(w.sky.all()) == 4 })
	if more := w.met["capacity"] - asked; more != 0 {
		t.Errorf("the new leader asked %d times for what was just refused", more)
	}
	told := w.reasons(t, policy.CodePassedOver)
	if len(told) == 0 || !strings.Contains(told[len(told)-1], "is not asked again before") {
		t.Errorf("the decisions tell %q", told)
	}
	if held := w.reasons(t, policy.CodeLaunchBlocked); len(held) != 0 {
		t.Errorf("launches were held back: %q", held)
	}
}

func TestLaunchesWaitOnceEveryOfferingIsRefused(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, nil)
	for _, c := range w.clouds() {
		c.quota = 0
	}
	w.pass(10 * time.Minute)
	if asked := w.met["quota"]; asked == 0 || asked > 24 {
		t.Errorf("the clouds were asked %d times in ten minutes", asked)
	}
	told := w.reasons(t, policy.CodeLaunchRefused)
	if len(told) == 0 || !strings.Contains(told[0], "sim: quota reached") || !strings.Contains(told[0], "dear: quota reached") || !strings.HasSuffix(told[0], "not launched") {
		t.Errorf("the decisions tell %q", told)
	}
	w.sky.quota = 5
	w.until(t, 10*time.Minute, "two nodes", w.running(2))
	if at := w.at(); at["sky dear"] != 2 {
		t.Errorf("rows are at %v", at)
	}
}

func TestOfferingsHaveTheirOwnMaximumPriceAndBalance(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]map[string]int{
		`{"offerings":[{"provider":"sim","max":1},{"provider":"sky"}]}`:                                                {"sim sim": 1, "sky sky": 3},
		`{"prefer":"price","offerings":[{"provider":"sim","price_per_hour":2},{"provider":"sky","price_per_hour":1}]}`: {"sky sky": 4},
		`{"prefer":"balance","offerings":[{"provider":"sim"},{"provider":"sky"}]}`:                                     {"sim sim": 2, "sky sky": 2},
	} {
		w := twoClouds(t, func(p *policy.Policy) { p.MinAvailable = 4 })
		w.db.template.Spec = json.RawMessage(spec)
		w.until(t, 5*time.Minute, "four nodes", w.running(4))
		if at := w.at(); fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("%s: rows are at %v", spec, at)
		}
	}
	w := twoClouds(t, func(p *policy.Policy) { p.MinAvailable = 4 })
	w.db.template.Spec = json.RawMessage(`{"offerings":[{"provider":"sim","max":1},{"provider":"sky","max":2}]}`)
	w.trouble(w.now.Add(time.Hour)) // for the minimum cannot be had
	w.pass(10 * time.Minute)
	if n := len(w.in(statestore.NodeRunning)); n != 3 || len(w.db.rows) > 10 {
		t.Errorf("%d nodes run of %d rows, want the three that may", n, len(w.db.rows))
	}
}

// A cloud that does not answer may have launched: the node that waits for it ends
// and is looked for, another is launched elsewhere.
func TestSilentCloudHoldsUpNoLaunch(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, nil)
	w.cloud.throttled = w.now.Add(20 * time.Minute)
	w.trouble(w.cloud.throttled)
	w.until(t, 4*time.Minute, "two machines in the other cloud", func() bool { return len(w.sky.all()) == 2 })
	w.until(t, 5*time.Minute, "two nodes", func() bool { return len(w.in(statestore.NodeRunning)) == 2 })
	w.until(t, 30*time.Minute, "the end of the others", w.running(2))
}

// An image that does not boot is one cloud's.
func TestOfferingWhoseNodesNeverJoinRestsAlone(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, func(p *policy.Policy) { p.LaunchTimeoutS, p.MinAvailable = 200, 3 })
	for end := w.now.Add(20 * time.Minute); len(w.in(statestore.NodeRunning)) < 3 && w.now.Before(end); w.step() {
		w.trouble(w.now)
		for _, i := range w.cloud.all() {
			i.joinsAt = time.Time{}
		}
	}
	if at := w.at(); at["sky dear"] != 3 {
		t.Errorf("rows are at %v", at)
	}
}

func TestNodesAreEndedWhereTheyWereLaunched(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, nil)
	w.cloud.quota = 1
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	for _, row := range w.in(statestore.NodeRunning) {
		row.OrderAction, row.OrderBy = statestore.OrderKill, "olga"
	}
	w.db.cluster.Paused = true
	w.until(t, 3*time.Minute, "nothing of them", func() bool { return len(w.db.living()) == 0 && len(w.instances()) == 0 })
}

// A template all of whose offerings are wrong: each of them is told.
func TestTemplateOfWrongOfferingsIsToldOfEach(t *testing.T) {
	t.Parallel()
	w := twoClouds(t, nil)
	for _, c := range w.clouds() {
		c.refuse, c.refuseUntil = provisioner.InvalidTemplate, w.now.Add(time.Hour)
	}
	w.pass(3 * time.Minute)
	for _, offering := range []string{"sim", "dear"} {
		if _, told := w.db.open["template_invalid/"+offering]; !told {
			t.Errorf("nobody is told of %s: %v", offering, w.db.open)
		}
	}
	for _, c := range w.clouds() {
		c.refuseUntil = w.now
	}
	w.db.template.Version++ // somebody corrects it
	w.db.template.Spec = w.spec()
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.pass(5 * time.Minute)
	if len(w.db.open) != 0 {
		t.Errorf("conditions stay open: %v", w.db.open)
	}
}
