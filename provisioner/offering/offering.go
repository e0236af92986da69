// Package offering is what providers of clouds with zones share: the ways in
// which a template's node can be had, their order, and what the cloud lately had
// none of.
//
// What is remembered is a hint: a restart that loses it costs a call, never an
// instance.
package offering

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// Offering is one way to have a node: how it is paid for, how large it is, where
// it stands.
type Offering struct {
	Spot bool
	Type string
	// Zone, or the subnet where that is what stands in one.
	Zone string
}

// String is for people.
func (o Offering) String() string {
	market := "on demand"
	if o.Spot {
		market = "spot"
	}
	if o.Zone == "" {
		return o.Type + " " + market
	}
	return fmt.Sprintf("%s %s in %s", o.Type, market, o.Zone)
}

// Wanted is a template's choice.
type Wanted struct {
	// Types in order of preference.
	Types []string
	// Zones over which nodes are spread; without any there is one, of no name.
	Zones []string
	// SpotPercent of the nodes are asked for as spot; with Fallback, what spot
	// refuses is launched on demand.
	SpotPercent int
	Fallback    bool
}

// List returns the offerings in the order in which a cloud is asked: spot before
// on demand where this node is among the spot share, types by preference, and for
// each type the zones from the emptiest.
func (w Wanted) List(token string, load map[string]int) []Offering {
	zones := slices.Clone(w.Zones)
	if len(zones) == 0 {
		zones = []string{""}
	}
	slices.SortStableFunc(zones, func(a, b string) int {
		return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(draw(token, a), draw(token, b)))
	})
	var list []Offering
	for _, spot := range w.markets(token) {
		for _, size := range w.Types {
			for _, zone := range zones {
				list = append(list, Offering{spot, size, zone})
			}
		}
	}
	return list
}

// markets says how this node is bought. Which nodes are spot follows from the
// token, so that a repeated launch asks for the same.
func (w Wanted) markets(token string) []bool {
	switch {
	case w.SpotPercent == 0 || int(draw(token, "spot")%100) >= w.SpotPercent:
		return []bool{false}
	case w.Fallback:
		return []bool{true, false}
	}
	return []bool{true}
}

// draw is a number that a token and a word always give.
func draw(token, word string) uint64 {
	sum := sha256.Sum256([]byte(token + "\x00" + word))
	return binary.BigEndian.Uint64(sum[:])
}
