package api

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFollowerGetsWhatItWantsInOrder(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	at := h.now()
	for i := range 3 {
		for _, topic := range []string{"nodes", "overview"} {
			if err := h.publish(topic, topic, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	events, next, missed, _ := h.since(at, []string{"nodes"})
	if len(events) != 3 || missed || string(events[2].data) != "2" || next != 7 {
		t.Errorf("%v %d %v", events, next, missed)
	}
	if events, _, missed, _ := h.since(next, nil); len(events) != 0 || missed {
		t.Errorf("%v %v", events, missed)
	}
	position, ok := h.resume(h.id(4))
	if events, _, _, _ := h.since(position, nil); !ok || len(events) != 2 {
		t.Errorf("%v %v", ok, events)
	}
}

func TestFollowerThatFellBehindIsTold(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	for i := range hubEvents + 10 {
		if err := h.publish("nodes", "nodes", i); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, missed, _ := h.since(5, nil); !missed {
		t.Error("lost events are passed over in silence")
	}
	if events, _, missed, _ := h.since(11, nil); missed || len(events) != hubEvents {
		t.Errorf("%d %v", len(events), missed)
	}
	if _, _, missed, _ := h.since(1e9, nil); !missed {
		t.Error("a position of the future counts")
	}
}

func TestRingIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	big := strings.Repeat("x", hubBytes/4)
	for range 10 {
		if err := h.publish("nodes", "nodes", big); err != nil {
			t.Fatal(err)
		}
	}
	if h.bytes > hubBytes || len(h.events) > 4 {
		t.Errorf("%d bytes in %d events", h.bytes, len(h.events))
	}
}

func TestIDsOfAnotherRunAreNotTaken(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	for _, id := range []string{"", "e", "e-", "e-x", "f-1", "e--1", "e-99999999999999999999"} {
		if position, ok := h.resume(id); ok {
			t.Errorf("%q gives %d", id, position)
		}
	}
}

func TestPublishWakesFollowers(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	_, _, _, wake := h.since(h.now(), nil)
	select {
	case <-wake:
		t.Fatal("awake without an event")
	default:
	}
	if err := h.publish("", "x", 1); err != nil {
		t.Fatal(err)
	}
	<-wake
}

func TestThrottleRefillsOneByOneAndForgets(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	th := newThrottle(2, 10*time.Second, func() time.Time { return now })
	take := func() bool { _, ok := th.take("a"); return ok }
	for i, want := range []bool{true, true, false} {
		if take() != want {
			t.Fatalf("attempt %d: the burst is not two", i+1)
		}
	}
	if wait, _ := th.take("a"); wait <= 9*time.Second || wait > 10*time.Second {
		t.Errorf("wait %s", wait)
	}
	if _, ok := th.take("b"); !ok {
		t.Error("keys share a bucket")
	}
	now = now.Add(10 * time.Second)
	if !take() || take() {
		t.Error("one attempt comes back in ten seconds")
	}
	th.forgive("a")
	if !take() {
		t.Error("success does not give the burst back")
	}
	for i := range maxBuckets {
		th.take(fmt.Sprint(i))
	}
	now = now.Add(time.Minute)
	th.take("last")
	if len(th.buckets) != 1 {
		t.Errorf("%d strangers are remembered", len(th.buckets))
	}
}

func TestRolesIncludeThoseBefore(t *testing.T) {
	t.Parallel()
	order := []Role{RolePublic, RoleViewer, RoleOperator, RoleAdmin}
	for i, have := range order {
		for j, want := range order {
			if have.Includes(want) != (i >= j) {
				t.Errorf("%s includes %s: %v", have, want, have.Includes(want))
			}
		}
	}
	if RoleAdmin.Includes("king") || Role("king").Includes(RolePublic) {
		t.Error("a role that is none counts")
	}
}

// A hub does not work for topics that nobody hears.
func TestHubKnowsWhatIsFollowed(t *testing.T) {
	t.Parallel()
	h := newHub("e")
	leave := h.follow([]string{"nodes"})
	if !h.followed("nodes") || h.followed("overview") {
		t.Error("only nodes are followed")
	}
	all := h.follow(nil)
	if !h.followed("overview") {
		t.Error("whoever names no topic follows all")
	}
	all()
	leave()
	if h.followed("nodes") || h.followed("overview") {
		t.Error("all have left")
	}
}

func TestLargeFlocksTellOnlyCellsThatMoved(t *testing.T) {
	t.Parallel()
	n := newNews(nil)
	var cells []FlockNode
	for i := range wholeFlock + 2 {
		cells = append(cells, FlockNode{ID: strconv.Itoa(i), State: "running", Pool: "low", Utilization: 0.5, SendBps: 1000, Sessions: 3})
	}
	if moved, gone := n.moved(cells); len(moved) != 0 || len(gone) != 0 {
		t.Errorf("%d moved, %d gone: whoever has just come has just read them", len(moved), len(gone))
	}
	cells[0].SendBps = 1050 // within a tenth
	cells[1].Pool = "high"
	cells[2].Utilization = 0.53
	cells[3].Sessions = 4
	moved, gone := n.moved(cells[:len(cells)-1])
	if len(moved) != 3 || moved[0].ID != "1" || len(gone) != 1 || gone[0] != cells[len(cells)-1].ID {
		t.Errorf("%+v %v", moved, gone)
	}
	if moved, _ := n.moved(cells[:wholeFlock]); len(moved) != wholeFlock {
		t.Errorf("a small flock tells %d of %d", len(moved), wholeFlock)
	}
}

func TestLargeFlocksTellCellsInTurnsButNewStatesAtOnce(t *testing.T) {
	t.Parallel()
	n := newNews(nil)
	cells := make([]FlockNode, 3*cellsTold)
	for i := range cells {
		cells[i] = FlockNode{ID: strconv.Itoa(i), State: "running", Pool: "low"}
	}
	n.moved(cells)
	told := map[string]bool{}
	for i := range cells {
		cells[i].SendBps = 1000
	}
	cells[17].Pool = "high"
	for round := range 3 {
		moved, _ := n.moved(cells)
		if len(moved) > cellsTold+1 {
			t.Fatalf("round %d tells %d", round, len(moved))
		}
		if round == 0 {
			cells[len(cells)-1].State = "lost"
		}
		for _, c := range moved {
			told[c.ID] = true
			if round == 1 && c.State == "lost" {
				told["lost"] = true
			}
		}
	}
	if len(told) != len(cells)+1 {
		t.Errorf("after three rounds %d of %d are told, the lost one in the second: %v", len(told), len(cells), told["lost"])
	}
}
