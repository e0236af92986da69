package aws

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

var chaosSeeds = flag.Uint64("chaos.seeds", 12, "histories of TestChaosMakesOneInstanceForEachLaunch")

// Seeded histories, in each of which eight launches are driven as the reconciler
// drives them, by managers that die in between, while EC2 throttles, breaks,
// loses answers, runs out of types and hits quotas: no launch ever makes two
// instances, every launch ends with one, and what is ended leaves nothing.
func TestChaosMakesOneInstanceForEachLaunch(t *testing.T) {
	t.Parallel()
	for seed := range *chaosSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := &history{t: t, rng: rand.New(rand.NewPCG(seed, 7)), scene: simulated(t, ec2sim.Options{
				Lag: 20 * time.Millisecond, Boot: 10 * time.Millisecond, Halt: 10 * time.Millisecond, End: 10 * time.Millisecond, Seed: seed,
			})}
			h.play()
		})
	}
}

type history struct {
	t     *testing.T
	scene *scene
	story []string

	mutex sync.Mutex // of rng and story
	rng   *rand.Rand
}

func (h *history) draw(n int) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.rng.IntN(n)
}

func (h *history) tell(format string, values ...any) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.story = append(h.story, fmt.Sprintf(format, values...))
}

func (h *history) open() *Provider {
	p := h.scene.open(func(c *Config) { c.Lag = 80 * time.Millisecond })
	// What a manager happens to remember of the spread orders its offerings.
	for _, subnet := range []string{ec2sim.SubnetA, ec2sim.SubnetB, ec2sim.SubnetC} {
		p.market.Spread.Add(owner.Cluster, subnet, h.draw(4))
	}
	return p
}

func (h *history) play() {
	t, sim := h.t, h.scene.sim
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + strings.Join(h.story, "\n"))
		}
	})
	stop := make(chan struct{})
	var trouble, launches sync.WaitGroup
	trouble.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(1+h.draw(8)) * time.Millisecond):
				h.harm()
			}
		}
	})
	made := make([]string, 8)
	for n := range made {
		launches.Go(func() { made[n] = h.insist(n) })
	}
	time.AfterFunc(400*time.Millisecond, func() { close(stop) })
	trouble.Wait()
	h.calm()
	launches.Wait()

	if living := sim.Living(); living != len(made) {
		t.Errorf("%d instances for %d launches", living, len(made))
	}
	p := h.open()
	h.scene.eventually("the list of all", func() bool {
		list, err := p.List(t.Context(), owner)
		return err == nil && len(list) == len(made) && slices.IsSortedFunc(list, func(a, b provisioner.Instance) int { return strings.Compare(a.ID, b.ID) })
	})
	for _, result := range p.Terminate(t.Context(), made) {
		if result.Err != nil {
			t.Error(result.Err)
		}
	}
	h.scene.eventually("the end of all", func() bool { return sim.Living() == 0 })
	if left := sim.Left(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// insist asks until the launch stands, each time perhaps as another manager.
func (h *history) insist(n int) string {
	p := h.open()
	r := request(n, spec(map[string]any{"spot_percent": 50}))
	for try := range 400 {
		ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
		instance, err := p.Launch(ctx, r)
		cancel()
		r.AskedBefore = time.Now()
		if err == nil {
			h.tell("%d: %s, %s", n, instance.ID, instance.Type)
			return instance.ID
		}
		h.tell("%d, try %d: %v", n, try, err)
		if !provisioner.Retryable(err) {
			h.t.Errorf("launch %d: %v", n, err)
			return ""
		}
		if h.draw(4) == 0 {
			h.tell("%d: another manager", n)
			p = h.open()
		}
		if class := provisioner.ClassOf(err); class == provisioner.Capacity || class == provisioner.Quota {
			p = h.open() // what is remembered lasts for minutes, this test for a second
		}
	}
	h.t.Errorf("launch %d does not come about", n)
	return ""
}

func (h *history) harm() {
	sim := h.scene.sim
	sizes, markets := []string{"c7i.large", "c6i.large", "*"}, []string{"spot", "on-demand", "*"}
	switch h.draw(8) {
	case 0, 1:
		sim.Lose("RunInstances", 1+h.draw(6))
	case 2:
		sim.Throttle("RunInstances", h.draw(6))
	case 3:
		sim.Break([]string{"RunInstances", "DescribeInstances", "DescribeImages"}[h.draw(3)], h.draw(6))
	case 4, 5:
		sim.Refuse(sizes[h.draw(3)], "*", markets[h.draw(3)], []string{"InsufficientInstanceCapacity", ""}[h.draw(2)])
	case 6:
		sim.Limit("on-demand", h.draw(8))
	case 7:
		sim.Limit("spot", h.draw(4))
	}
}

func (h *history) calm() {
	sim := h.scene.sim
	for _, action := range ec2sim.Actions() {
		sim.Lose(action, 0)
		sim.Throttle(action, 0)
		sim.Break(action, 0)
	}
	for _, size := range []string{"c7i.large", "c6i.large", "*"} {
		for _, market := range []string{"spot", "on-demand", "*"} {
			sim.Refuse(size, "*", market, "")
		}
	}
	sim.Limit("on-demand", -1)
	sim.Limit("spot", -1)
}
