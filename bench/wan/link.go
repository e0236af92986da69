//go:build linux

package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// link holds the flags that say what a path is like.
type link struct {
	rate, police  rate
	policeFlow    rate
	loss          share
	burst         burst
	queue         time.Duration
	delay, jitter time.Duration
	reorder       share
	bucket        size
	corrupt       share
	pmtu          int
	blockUDP      bool
	blockTCP      bool
	backRate      rate
	backLoss      share
	backBlockUDP  bool
	flags         *pflag.FlagSet
	mtu, nat      int
	tcp           string
	seed          uint64
	grain         time.Duration
}

func (l *link) register(f *pflag.FlagSet) {
	l.flags = f
	f.Var(&l.rate, "rate", "bottleneck, bits of IP packets per second each way: 1g, 200m; 0 is unlimited")
	f.DurationVar(&l.delay, "delay", 0, "round trip; each way has half of it")
	f.DurationVar(&l.queue, "queue", 50*time.Millisecond, "drop-tail queue at the bottleneck, as the longest wait")
	f.Var(&l.loss, "loss", "share of packets lost after the bottleneck, each way")
	f.Var(&l.burst, "burst", "packets lost in a row, so that the mean is --loss: 10-50")
	f.DurationVar(&l.jitter, "jitter", 0, "more delay, 0 to this, each way; wanders slowly and keeps order unless --reorder")
	f.Var(&l.reorder, "reorder", "share of packets that draw their own jitter and overtake: 100%")
	f.Var(&l.police, "police", "token-bucket policer behind the bottleneck, bits per second")
	f.Var(&l.policeFlow, "police-flow", "the same for each UDP or TCP flow by itself")
	l.bucket = 1250000
	f.Var(&l.bucket, "bucket", "size of a policer's bucket")
	f.Var(&l.corrupt, "corrupt", "share of packets with a flipped bit of payload")
	f.IntVar(&l.pmtu, "pmtu", 0, "IP packets larger than this vanish without a word")
	f.IntVar(&l.nat, "nat", 0, "translate the UDP ports that end a sends from; another number gives other ports and forgets all mappings")
	f.BoolVar(&l.blockUDP, "block-udp", false, "a firewall that drops UDP both ways")
	f.BoolVar(&l.blockTCP, "block-tcp", false, "a firewall that drops TCP both ways")
	f.Var(&l.backRate, "back-rate", "rate from b to a, where it differs")
	f.Var(&l.backLoss, "back-loss", "loss from b to a, where it differs")
	f.BoolVar(&l.backBlockUDP, "back-block-udp", false, "drop UDP from b to a only")
	f.IntVar(&l.mtu, "mtu", 1500, "MTU of both devices")
	f.StringVar(&l.tcp, "tcp", "", "TCP congestion control at both ends: cubic, bbr, reno (default the machine's)")
	f.Uint64Var(&l.seed, "seed", 1, "seed of all chance")
	f.DurationVar(&l.grain, "grain", 250*time.Microsecond, "packets that leave within it are merged, as by a network card")
}

func (l *link) config() emulator.Config {
	ab := emulator.Model{
		Rate: float64(l.rate), Queue: l.queue, Delay: l.delay / 2, Loss: float64(l.loss),
		BurstMin: l.burst.low, BurstMax: l.burst.high, Jitter: l.jitter, Reorder: float64(l.reorder),
		Police: float64(l.police), PoliceEach: float64(l.policeFlow), Bucket: int(l.bucket), Corrupt: float64(l.corrupt), PMTU: l.pmtu,
		BlockUDP: l.blockUDP, BlockTCP: l.blockTCP, NAT: l.nat,
	}
	ba := ab
	if l.flags.Changed("back-rate") {
		ba.Rate = float64(l.backRate)
	}
	if l.flags.Changed("back-loss") {
		ba.Loss = float64(l.backLoss)
	}
	ba.BlockUDP = ba.BlockUDP || l.backBlockUDP
	return emulator.Config{AB: ab, BA: ba, Seed: l.seed, MTU: l.mtu, TCP: l.tcp, Grain: l.grain}
}
