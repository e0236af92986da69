package configuration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Link is a virtual link: bandwidth that sessions on all nodes of a cluster share, each way. A session is on the link that
// names its access key, else on the default one, if there is one.
type Link struct {
	Name       string   `json:"name" minLength:"1" maxLength:"63" example:"uplink"`
	InMbps     float64  `json:"in_mbps,omitempty" minimum:"0" maximum:"1000000" doc:"What all nodes together receive at most on it, Mb/s; 0: no limit."`
	OutMbps    float64  `json:"out_mbps,omitempty" minimum:"0" maximum:"1000000" doc:"What all nodes together send at most on it, Mb/s; 0: no limit."`
	AccessKeys []string `json:"access_keys,omitempty" maxItems:"1000" nullable:"false" doc:"Ids of the access keys whose sessions are on it."`
	Default    bool     `json:"default,omitempty" doc:"Sessions of access keys that no link names are on it, too."`
}

const (
	maxLinks = 32
	maxKeys  = 1000
	// minLinkMbps leaves each of a few sessions what the slowest session sends.
	minLinkMbps = 1
)

var linkName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkLinks(links []Link) Faults {
	var faults Faults
	add := func(i int, field, format string, values ...any) {
		faults = append(faults, Fault{fmt.Sprintf("links[%d].%s", i, field), fmt.Sprintf(format, values...)})
	}
	if len(links) > maxLinks {
		faults = append(faults, Fault{"links", fmt.Sprintf("are %d; at most %d", len(links), maxLinks)})
	}
	of := map[string]string{} // the link of an access key
	usual := ""
	for i, l := range links {
		if !linkName.MatchString(l.Name) {
			add(i, "name", "is %q; want letters, digits and dashes, lower case, at most 63", l.Name)
		} else if slices.ContainsFunc(links[:i], func(before Link) bool { return before.Name == l.Name }) {
			add(i, "name", "is that of a link before it")
		}
		if l.InMbps == 0 && l.OutMbps == 0 {
			add(i, "in_mbps", "and out_mbps are both 0: the link would limit nothing")
		}
		for field, mbps := range map[string]float64{"in_mbps": l.InMbps, "out_mbps": l.OutMbps} {
			if mbps != 0 && (mbps < minLinkMbps || mbps > maxMbps) {
				add(i, field, "is %g Mb/s; want 0 (no limit) or %d to %d", mbps, minLinkMbps, maxMbps)
			}
		}
		if len(l.AccessKeys) > maxKeys {
			add(i, "access_keys", "are %d; at most %d", len(l.AccessKeys), maxKeys)
		}
		for _, key := range l.AccessKeys {
			if other, taken := of[key]; taken {
				add(i, "access_keys", "has %s, which link %s has already", key, other)
			}
			of[key] = l.Name
		}
		if l.Default && usual != "" {
			add(i, "default", "is what link %s is already", usual)
		} else if l.Default {
			usual = l.Name
		}
	}
	return faults
}

// sayLinks is all of the links in one line, for people.
func sayLinks(links []Link) string {
	said := make([]string, len(links))
	for i, l := range links {
		said[i] = l.say()
	}
	return strings.Join(said, "; ")
}

func (l Link) say() string {
	s := l.Name
	for _, way := range []struct {
		name string
		mbps float64
	}{{"in", l.InMbps}, {"out", l.OutMbps}} {
		if way.mbps > 0 {
			s += fmt.Sprintf(" %s %g Mb/s", way.name, way.mbps)
		}
	}
	if len(l.AccessKeys) > 0 {
		s += " for " + strings.Join(l.AccessKeys, ", ")
	}
	if l.Default {
		s += " (default)"
	}
	return s
}
