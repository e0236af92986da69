package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/godwit/godwit/policy"
)

// Config is one simulated history.
type Config struct {
	Seed   uint64
	Policy policy.Policy
	// Step is the interval of reports and evaluations.
	Step time.Duration
	// Load arrives until LoadFor; the run ends after Length.
	LoadFor, Length time.Duration
	Shape           Shape
	// NodeMbps is the cap of a node in each direction.
	NodeMbps float64
	// Rate is the mean promised demand of the load in nodes' worth.
	Rate float64
	// Movable is the share of clients that can move to another node, Known the
	// share that says what rate it wants.
	Movable, Known float64
	// Sums: nodes report sums of their sessions instead of a list.
	Sums   bool
	Faults Faults
	// Rollouts: every version of the template is rolled out. SickVersions is the
	// share of those whose nodes never join.
	Rollouts     bool
	SickVersions float64
	// CanStop: the provider can stop instances and start them again.
	CanStop bool
	// ReplayAll decides everything twice. One in 150 decisions is replayed from
	// its stored form in any case.
	ReplayAll bool
	// Watch, if set, sees every snapshot that is decided on.
	Watch func(s policy.Snapshot, now time.Time)
}

// Faults of the world. The zero value is a world without.
type Faults struct {
	BootMin, BootMax time.Duration
	// LaunchFails and NeverJoins are chances per launch.
	LaunchFails, NeverJoins float64
	// StartFails is the chance that a stopped node does not start.
	StartFails float64
	// The others are mean times between events, per cluster; 0: never.
	Death, Silence, Sickness, Capacity, Restart, Outage time.Duration
	// Renewal is the mean time between versions of the template.
	Renewal time.Duration
}

// Shape is a kind of load.
type Shape string

// Shapes of load.
const (
	Steady      Shape = "steady"
	Wave        Shape = "wave"        // one hour's sine
	Flash       Shape = "flash"       // tenfold within two minutes
	Batch       Shape = "batch"       // all at once, every half hour
	LongTail    Shape = "longtail"    // few sessions hold most bytes
	Oscillation Shape = "oscillation" // around one node's threshold, every few minutes
	Growth      Shape = "growth"
	Mixture     Shape = "mixture"
	Greedy      Shape = "greedy" // one client that takes what it can get
)

var shapes = []Shape{Steady, Wave, Flash, Batch, LongTail, Oscillation, Growth, Mixture, Greedy}

// Random makes the history of a seed.
func Random(seed uint64) Config {
	r := rand.New(rand.NewPCG(seed, 1))
	p := policy.Default()
	p.MaxNodes = 3 + r.IntN(18)
	p.MinAvailable = r.IntN(3)
	p.MinIdle = pick(r, 0, 0, 0, 1, 2)
	p.ScaleOutWindowS = pick(r, 0, 0, 0, 20, 60)
	p.ScaleInWindowS = pick(r, 60, 300, 600, 900)
	p.DrainTimeoutS = pick(r, 900, 1800, 3600)
	p.LaunchLimit.Count = 1 + r.IntN(10)
	p.LaunchLimit.PerSeconds = pick(r, 30, 60, 120)
	if r.IntN(3) == 0 {
		p.Schedules = []policy.Schedule{{
			Cron: fmt.Sprintf("%d %d * * *", r.IntN(60), 12+r.IntN(2)), TimeZone: pick(r, "", "Asia/Kolkata", "America/New_York"),
			DurationS: 1800, MinAvailable: 1 + r.IntN(p.MaxNodes-1),
		}}
	}
	c := Config{
		Seed: seed, Policy: p, Step: seconds(pick(r, 2, 5, 5, 5)),
		Shape: shapes[r.IntN(len(shapes))], NodeMbps: 1000,
		Rate:    0.3 + r.Float64()*0.5*float64(p.MaxNodes),
		Movable: pick(r, 0, 0.5, 1), Known: pick(r, 0, 0.5, 1), Sums: r.IntN(2) == 0,
	}
	c.warm()
	c.LoadFor = time.Hour
	c.Length = c.LoadFor + seconds(p.ScaleInWindowS+p.DrainTimeoutS) + 30*time.Minute
	if c.Policy.WarmNodes > 0 {
		// Filling the pool takes its time: one boot and ten minutes' calm a node.
		c.Length += time.Duration(c.Policy.WarmNodes) * 15 * time.Minute
	}
	f := &c.Faults
	f.BootMin = time.Duration(10+r.IntN(60)) * time.Second
	f.BootMax = f.BootMin + time.Duration(r.IntN(180))*time.Second
	if r.IntN(4) == 0 {
		c.roll()
		return c // a world in which only boots take time
	}
	f.LaunchFails = pick(r, 0, 0.02, 0.2)
	f.NeverJoins = pick(r, 0, 0, 0.05)
	f.Death = sometimes(r, 20*time.Minute)
	f.Silence = sometimes(r, 5*time.Minute)
	f.Sickness = sometimes(r, 10*time.Minute)
	f.Capacity = sometimes(r, 40*time.Minute)
	f.Restart = sometimes(r, 20*time.Minute)
	f.Outage = sometimes(r, 40*time.Minute)
	c.roll()
	return c
}

// warm gives half of the histories a warm pool or a disruption budget, with
// chance of its own: the others stay what they were.
func (c *Config) warm() {
	r := rand.New(rand.NewPCG(c.Seed, 5))
	if r.IntN(2) == 0 {
		return
	}
	c.CanStop = r.IntN(5) > 0
	c.Policy.WarmNodes = pick(r, 0, 1, 2, 4)
	c.Policy.DisruptionBudget = pick(r, 0, 0, 1, 2)
	if r.IntN(3) > 0 {
		c.Faults.StartFails = pick(r, 0, 0.1, 0.5)
		c.Faults.Renewal = sometimes(r, 20*time.Minute)
	}
}

func sometimes(r *rand.Rand, mean time.Duration) time.Duration {
	if r.IntN(2) == 0 {
		return 0
	}
	return mean
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// String tells a history in one line.
func (c Config) String() string {
	p := c.Policy
	return fmt.Sprintf("seed %d: %s %.1f nodes, max %d, min available %d, min idle %d, warm %d (can stop %v), budget %d, windows %d/%d s, drain %d s, limit %d per %d s, boot %v–%v, rollouts %v %+v, faults %+v",
		c.Seed, c.Shape, c.Rate, p.MaxNodes, p.MinAvailable, p.MinIdle, p.WarmNodes, c.CanStop, p.DisruptionBudget, p.ScaleOutWindowS, p.ScaleInWindowS, p.DrainTimeoutS,
		p.LaunchLimit.Count, p.LaunchLimit.PerSeconds, c.Faults.BootMin, c.Faults.BootMax, c.Rollouts, p.Rollout, c.Faults)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
