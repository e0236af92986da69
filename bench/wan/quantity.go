package main

import (
	"fmt"
	"strconv"
	"strings"
)

// Values of flags with units. Each is a pflag.Value.

// rate is bits per second: 1g, 200m, 1.5g, 64k; 0 is unlimited.
type rate float64

func (r *rate) Set(s string) error {
	number, factor := s, 1.0
	for suffix, f := range map[string]float64{"k": 1e3, "m": 1e6, "g": 1e9} {
		if cut, found := strings.CutSuffix(strings.ToLower(s), suffix); found {
			number, factor = cut, f
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 {
		return fmt.Errorf("a rate is bits per second as in 1g, 200m or 64k, not %q", s)
	}
	*r = rate(v * factor)
	return nil
}
func (r *rate) String() string { return strconv.FormatFloat(float64(*r), 'g', -1, 64) }
func (r *rate) Type() string   { return "rate" }

// share is a share of packets: 1%, 0.5% or 0.01.
type share float64

func (p *share) Set(s string) error {
	number, factor := s, 1.0
	if cut, found := strings.CutSuffix(s, "%"); found {
		number, factor = cut, 0.01
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v*factor < 0 || v*factor > 1 {
		return fmt.Errorf("a share of packets is as in 1%% or 0.01, not %q", s)
	}
	*p = share(v * factor)
	return nil
}
func (p *share) String() string { return strconv.FormatFloat(float64(*p)*100, 'g', -1, 64) + "%" }
func (p *share) Type() string   { return "share" }

// burst is a range of packets: 10-50.
type burst struct{ low, high int }

func (b *burst) Set(s string) error {
	low, high, found := strings.Cut(s, "-")
	if !found {
		high = low
	}
	var err error
	if b.low, err = strconv.Atoi(low); err == nil {
		b.high, err = strconv.Atoi(high)
	}
	if err != nil || b.low < 1 || b.high < b.low {
		return fmt.Errorf("bursts are so many packets as in 10-50, not %q", s)
	}
	return nil
}
func (b *burst) String() string {
	if b.high == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", b.low, b.high)
}
func (b *burst) Type() string { return "packets" }

// size is bytes: 64k, 1m (of 1024) or plain.
type size int

func (n *size) Set(s string) error {
	number, factor := strings.ToLower(s), 1
	for suffix, f := range map[string]int{"k": 1 << 10, "m": 1 << 20} {
		if cut, found := strings.CutSuffix(number, suffix); found {
			number, factor = cut, f
		}
	}
	v, err := strconv.Atoi(number)
	if err != nil || v < 0 {
		return fmt.Errorf("a size is bytes as in 64k or 1m, not %q", s)
	}
	*n = size(v * factor)
	return nil
}
func (n *size) String() string { return strconv.Itoa(int(*n)) }
func (n *size) Type() string   { return "bytes" }
