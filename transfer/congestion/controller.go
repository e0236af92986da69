package congestion

import "time"

// Config are the constants of a flow.
type Config struct {
	Policy  Policy
	Target  float64       // bit/s that the user wants at most; 0: no limit
	Least   float64       // bit/s never gone below while feedback comes; 0: none
	Initial float64       // bit/s to start with; 0: chosen from the RTT
	RTT     time.Duration // first estimate, such as the handshake's; 0: 100 ms
	Group   *Group        // flows that share what one would have, this one among them; nil: it is alone
	Follows bool          // one of the others sends the bursts, see Follow
	Packet  int           // bytes of a full packet on the wire, IP header included
	// Epoch is the time of day, as of 1970, at which the clock of Sample.Now showed
	// zero. Flows test their baselines when it says so, which works the better the
	// more of them have the same time.
	Epoch time.Duration
	// Resume is what is known of the path; its zero value is nothing.
	Resume Resume
}

// Sample is what one report of the receiver says. Counters run from the start
// of the flow; Lost goes down when a loss turns out to have been reordering.
type Sample struct {
	Now         time.Duration // sender's clock
	RTT         time.Duration // fresh round trip; 0: none in this report
	PeerClock   time.Duration // receiver's clock, arbitrary origin
	Packets     uint64        // received
	Bytes       uint64        // received, as they count on the wire
	OWD         time.Duration // least one-way delay since the last report, arbitrary origin
	HasOWD      bool
	Peak        float64 // bytes/s: most that arrived in a short span since the last report; 0: unknown
	Acked, Lost uint64  // packets whose fate the sender knows
	Runs        uint64  // stretches of neighbours that were lost; it never goes down
	Limited     bool    // the sender had less to send than allowed since the last report
	PeerRate    float64 // bit/s that the receiver can take; 0: no limit
}

type phase uint8

const (
	startup phase = iota
	empty
	cruise
	probe
	hold
)

var phaseNames = [...]string{"startup", "empty", "cruise", "probe", "hold"}

// Gains and limits; see the package comment and the simulation suite of package flow.
const (
	startGain    = 2.6  // D lags an RTT behind, so this grows the rate about 2.3× per RTT
	emptyLeast   = 0.6  // after startup: drains a queue of 0.7 RTT in one and a half
	emptyMore    = 1.25 // times what is too much is not sent for a round trip
	settleGain   = 0.95 // then, until the loss of the path is known
	doubtLeast   = 0.2  // of the anchor, when much is lost at that
	leanGain     = 0.30 // below 1/e: no oscillation
	yieldGain    = 0.6  // of policy low, where the queue is three times the target
	yieldLean    = 0.4  // the same, for each target of queue over two
	leanUp       = 0.08
	leanDown     = 0.30
	growLeast    = 0.02 // a round, after some of an empty queue
	leastUp      = 1.01 // while the queue is under half its target
	speedMost    = 256
	probeEvery   = 12 // RTTs at least: see beat
	holdFactor   = 0.97
	holdAgain    = 0.93
	holdRTTs     = 8
	holdMost     = 16
	firstPackets = 32
	firstRate    = 20e6 / 8 // bytes/s: beside the burst, until the first report; 250 KB at 100 ms
	defaultRTT   = 100 * time.Millisecond
	socketRoom   = 6 << 20              // bytes: less than sockets hold, for what a host has not looked at
	leastRate    = 8e3                  // bytes/s: feedback keeps flowing
	leastRTT     = 5 * time.Millisecond // reports come every 4 ms at best: the loop is no faster
	feedbackSlow = 25 * time.Millisecond
	stallLeast   = 100 * time.Millisecond // a few scheduling rounds of a host with ten busy processes per core
)

// Controller is TQ for one flow. The zero value is not usable; not safe for
// concurrent use.
type Controller struct {
	cfg   Config
	phase phase
	since time.Duration // start of the phase
	until time.Duration // its end, where it has one
	judge time.Duration // when a test is judged, which on long paths is after it
	tests int

	rate      float64 // bytes/s now allowed
	anchor    float64 // D: bytes/s delivered, as far as the path was tried
	measured  float64 // the same as last seen, gaps and all
	peerRate  float64 // bytes/s
	srtt      time.Duration
	minRTT    time.Duration
	delay     delay
	delivery  delivery
	loss      lossWindow
	pb        baseline
	fates     Sample // counts that the group knows
	crowd     crowd
	yield     yield
	lossFrom  time.Duration // samples before this moment belong to another phase
	lossNow   float64       // l: loss divided out
	startLoss float64       // latest loss in startup
	emptyGain float64       // of the phase empty
	emptyTill time.Duration // when so little was sent for long enough, as far as is known
	settled   bool          // the baseline was measured after startup
	doubted   bool          // and measured again, as it was too much to be believed
	packets   uint64
	lastNow   time.Duration // of the report before
	limitedAt time.Duration // last report that was application-limited
	limited   bool
	idle      int // reports of this round that were limited
	reports   int // of this round
	excess    int // loss samples in a row above the baseline

	fallSince time.Duration // since when less than the anchor is delivered; 0: it is not
	fallBest  float64       // most that was delivered since
	fallLost  uint64        // Sample.Lost at the last look

	speed      float64 // v
	round      time.Duration
	lowRounds  int
	flatRounds int
	roundBest  float64

	burst     float64 // bytes to send at once
	burstSize float64 // of the latest burst
	peak      float64 // bytes/s that bursts arrived at
	rises     int     // of the peak
	peakRound float64 // the same in this round
	trial     uint8
	trialAt   time.Duration
	trialFrom float64 // bytes/s delivered before it
	trials    int     // that passed
	startBest float64 // bytes/s: most that was delivered in startup
	peakNew   bool    // seen once: no burst confirmed it yet

	frozenTill time.Duration // D is not lowered before: our own probe made it small
	nextProbe  time.Duration
	probeDip   float64
	honesty    bool // the present probe tests whether the baseline is ours
	queueSum   time.Duration
	queueCount int
	queueOld   bool    // what startup made of the queue is still there
	step       float64 // fairness step, for an RTT after a probe
	stepTill   time.Duration
	ceiling    float64 // anchor when the queue was last seen to fill; 0: no longer known
	holdCount  int
	holdRate   float64
	holdTries  int     // experiments of this hold that showed loss
	holdCalm   bool    // one that did not
	tested     float64 // baseline at its last test

	backing   int // rounds of sending less than is delivered
	backRound time.Duration
	backHigh  time.Duration
	backLow   time.Duration

	known     float64 // bytes/s that the path is said to deliver; 0: unknown, or no longer believed
	knownLoss float64
	passed    float64 // bytes/s: the anchor when last the path was what limited it

	reason Reason
}

// Reason says what bounds the rate.
type Reason uint8

// The reasons.
const (
	ByStartup Reason = iota
	ByPath
	ByTarget
	ByPeer
	ByPolicer
	BySilence
	ByLeast
)

var reasonNames = [...]string{"start-up", "path", "target rate", "receiver", "policer", "silence", "minimum rate"}

// String names the reason for people.
func (r Reason) String() string { return reasonNames[r] }

// New returns a controller in startup.
func New(cfg Config) *Controller {
	if cfg.RTT <= 0 {
		cfg.RTT = defaultRTT
	}
	if cfg.Packet <= 0 {
		cfg.Packet = 1500
	}
	if cfg.Group == nil {
		cfg.Group = &Group{}
	}
	c := &Controller{cfg: cfg, srtt: cfg.RTT, speed: 1, step: 1}
	c.rate = cfg.Initial / 8
	if c.rate <= 0 {
		c.rate = max(firstPackets*float64(cfg.Packet)/cfg.RTT.Seconds(), firstRate) / c.flows()
	}
	c.resume()
	c.bound()
	c.armBurst()
	return c
}

// Set changes policy, target and least rate (bit/s) from now on.
func (c *Controller) Set(p Policy, target, least float64) {
	raised := target == 0 && c.cfg.Target != 0 || target > c.cfg.Target && c.cfg.Target != 0
	c.cfg.Policy, c.cfg.Target, c.cfg.Least = p, target, least
	if raised && c.reason == ByTarget {
		c.speed = speedMost // the path was not what held it back
	}
	c.bound()
}

// Peak is what bursts have shown in start-up, bytes/s, and whether a second one
// confirmed it; 0: nothing, or start-up is over.
func (c *Controller) Peak() (peak float64, sure bool) {
	if c.phase != startup {
		return 0, false
	}
	return c.peak, !c.peakNew
}

// Follow takes what the bursts of another flow showed, which this one shares the
// session with: it begins with its part of that. It reports whether that is news.
func (c *Controller) Follow(peak float64, sure bool) bool {
	if c.phase != startup || peak <= 0 || peak == c.peak && sure == !c.peakNew {
		return false
	}
	c.peak, c.peakNew = peak, !sure
	if c.anchor > 0 {
		c.rate = c.startRate()
	} else {
		c.rate = max(c.rate, peakFirst*c.top())
	}
	c.bound()
	return true
}

// flows is how many share what one would have.
func (c *Controller) flows() float64 { return c.cfg.Group.share() }

// Join makes the flow one of g's.
func (c *Controller) Join(g *Group) { c.cfg.Group = g }

// target is the queue to aim at. Flows that share one's part aim at what one with
// the rate of all would: on one bottleneck they weigh as much together.
func (c *Controller) target() time.Duration { return c.cfg.Policy.target(c.flows() * c.anchor) }

// top is what bursts showed, of which each flow begins with its part.
func (c *Controller) top() float64 { return c.peak / c.flows() }

// Rate returns the allowed rate in bytes/s on the wire.
func (c *Controller) Rate() float64 { return c.rate }

// Loss returns the loss of the path itself, as a fraction.
func (c *Controller) Loss() float64 { return c.pb.p }

// Window returns the bytes that may be in flight: twice what the path holds,
// so that a receiver that stops answering stops the sender.
func (c *Controller) Window() int64 {
	least := int64(2*firstPackets) * int64(c.cfg.Packet)
	factor := 2.0
	if c.phase == startup {
		factor = 2 * startGain
	}
	if c.anchor == 0 {
		blind := c.rate*c.cfg.RTT.Seconds() + 2*firstRate*feedbackSlow.Seconds()
		return least + int64(burstPackets*float64(c.cfg.Packet)+blind)
	}
	d := max(c.anchor, c.rate/factor)
	late := min(2*factor*d*feedbackSlow.Seconds(), socketRoom)
	return least + int64(c.burstSize+factor*d*c.srtt.Seconds()+late)
}

// State describes the controller for statistics.
type State struct {
	Phase    string
	Reason   Reason
	Rate     float64 // bytes/s
	Anchor   float64 // bytes/s delivered
	Queue    time.Duration
	Target   time.Duration // of the queue
	Baseline float64       // loss of the path itself
}

// State returns the present state.
func (c *Controller) State() State {
	return State{
		Phase: phaseNames[c.phase], Reason: c.reason, Rate: c.rate, Anchor: c.anchor,
		Queue: c.delay.queue, Target: c.target(), Baseline: c.pb.p,
	}
}

// OnSilence halves the rate: an expected report did not come.
func (c *Controller) OnSilence() {
	c.rate = max(c.rate/2, leastRate)
	c.reason = BySilence
}

// bound applies the limits that are not the path's.
func (c *Controller) bound() {
	c.reason = ByPath
	switch c.phase {
	case startup:
		c.reason = ByStartup
	case hold:
		c.reason = ByPolicer
	}
	if least := c.cfg.Least / 8; c.rate < least {
		c.rate, c.reason = least, ByLeast
	}
	if c.cfg.Policy == Fixed && c.cfg.Target > 0 {
		c.rate, c.reason = c.cfg.Target/8, ByTarget
	}
	if t := c.cfg.Target / 8; t > 0 && c.rate >= t {
		c.rate, c.reason = t, ByTarget
	}
	if c.peerRate > 0 && c.rate > c.peerRate {
		c.rate, c.reason = c.peerRate, ByPeer
	}
	c.rate = max(c.rate, leastRate)
}
