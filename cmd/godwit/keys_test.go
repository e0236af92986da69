package main

import (
	"testing"

	"github.com/godwit/godwit/transfer"
)

// running is a transfer as keys see it.
type running struct {
	rate   int64
	policy transfer.Policy
}

func (r *running) Progress() transfer.Progress { return transfer.Progress{Rate: 100e6} }
func (r *running) SetRate(rate int64)          { r.rate = rate }
func (r *running) SetPolicy(p transfer.Policy) { r.policy = p }

func TestKeysChangeRateAndPolicy(t *testing.T) {
	t.Parallel()
	r := &running{}
	k := &keyboard{t: r}
	for _, tc := range []struct {
		key    byte
		rate   int64
		policy transfer.Policy
		says   string
	}{
		{'-', 80e6, "", "rate 80.0 Mbit/s"}, // from what it runs at
		{'+', 100e6, "", "rate 100 Mbit/s"},
		{'p', pausedRate, "", "paused; p goes on"},
		{'p', 100e6, "", "going on"},
		{'p', pausedRate, "", "paused; p goes on"},
		{'+', 125e6, "", "rate 125 Mbit/s"}, // a new rate goes on too
		{'l', 125e6, transfer.Low, "policy low"},
		{'h', 125e6, transfer.High, "policy high"},
		{'f', 125e6, transfer.Fair, "policy fair"},
		{'x', 125e6, transfer.Fair, ""},
		{'0', 0, transfer.Fair, "rate: no limit"},
	} {
		if says := k.press(tc.key); says != tc.says || r.rate != tc.rate || r.policy != tc.policy {
			t.Errorf("%c: %q, rate %d, policy %q; want %q, %d, %q", tc.key, says, r.rate, r.policy, tc.says, tc.rate, tc.policy)
		}
	}
	k.rate = leastRate
	if k.press('-'); r.rate != leastRate {
		t.Errorf("below the least rate: %d", r.rate)
	}
}

func TestSizesReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]byteSize{"0": 0, "4096": 4096, "10k": 10 << 10, "1.5G": 3 << 29, "2MiB": 2 << 20, "3 KB": 3 << 10, "1T": 1 << 40} {
		var b byteSize
		if err := b.Set(in); err != nil || b != want {
			t.Errorf("%s: %d, %v; want %d", in, b, err, want)
		}
	}
	for _, bad := range []string{"", "big", "-1", "1X", "NaN", "9999999T"} {
		var b byteSize
		if err := b.Set(bad); err == nil {
			t.Errorf("%q was taken for %d", bad, b)
		}
	}
}

func TestMadeUpSourcesReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]transfer.Synthetic{
		"random://10M": {Files: 1, Size: 10 << 20}, "zero://1000x64k": {Zero: true, Files: 1000, Size: 64 << 10},
	} {
		if got, ok, err := parseSynthetic(in); err != nil || !ok || *got != want {
			t.Errorf("%s: %+v %v %v", in, got, ok, err)
		}
	}
	for _, bad := range []string{"random://", "zero://0x5", "random://ax5", "zero://5x"} {
		if got, ok, err := parseSynthetic(bad); !ok || err == nil {
			t.Errorf("%s was taken for %+v", bad, got)
		}
	}
	if _, ok, err := parseSynthetic("randomly"); ok || err != nil {
		t.Errorf("a file's name: %v %v", ok, err)
	}
}
