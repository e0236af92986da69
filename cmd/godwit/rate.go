package main

import (
	"strconv"
	"strings"
)

// bitRate is a flag value in bits per second: 500M, 1.5G, 800k, 0.
type bitRate int64

// String writes the rate as Set reads it.
func (r *bitRate) String() string {
	for _, u := range []struct {
		factor int64
		unit   string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v := int64(*r); v != 0 && v%u.factor == 0 {
			return strconv.FormatInt(v/u.factor, 10) + u.unit
		}
	}
	return strconv.FormatInt(int64(*r), 10)
}

// Type names the kind of value in --help.
func (r *bitRate) Type() string { return "rate" }

// Set reads a number with an optional k, M or G and an optional "bit/s".
func (r *bitRate) Set(s string) error {
	number := strings.TrimSuffix(strings.TrimSpace(s), "bit/s")
	number = strings.TrimSuffix(strings.TrimSpace(number), "bps")
	factor := 1.0
	if n := len(number); n > 0 {
		switch number[n-1] {
		case 'k', 'K':
			factor, number = 1e3, number[:n-1]
		case 'm', 'M':
			factor, number = 1e6, number[:n-1]
		case 'g', 'G':
			factor, number = 1e9, number[:n-1]
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v < 0 || v*factor > 1e15 || v != v {
		return usagef("%q is no rate in bits per second; write 500M, 1.5G or 800k", s)
	}
	*r = bitRate(v * factor)
	return nil
}
