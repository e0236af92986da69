package mixed

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Order returns the offerings in the order in which they are asked. nodes is how
// many the cluster has of each, by name; ties keep the template's order.
func (t Template) Order(nodes map[string]int) []Offering {
	list := slices.Clone(t.Offerings)
	slices.SortStableFunc(list, func(a, b Offering) int {
		switch t.Prefer {
		case ByPrice:
			return cmp.Compare(a.PricePerHour, b.PricePerHour)
		case ByBalance:
			return cmp.Compare(nodes[a.Name], nodes[b.Name])
		case ByOrder:
		}
		return 0
	})
	return list
}

// Full says that the cluster has as many nodes of the offering as it may.
func (o Offering) Full(nodes int) bool { return o.Max > 0 && nodes >= o.Max }

// Terms are the fields of an offering that are not its provider's.
func (o Offering) Terms() json.RawMessage {
	fields := map[string]any{}
	if o.PricePerHour != 0 {
		fields["price_per_hour"] = o.PricePerHour
	}
	if o.Max != 0 {
		fields["max"] = o.Max
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // a number of JSON's
	}
	return raw
}

// Providers that the template names, once each, in order.
func (t Template) Providers() []string {
	var names []string
	for _, o := range t.Offerings {
		if !slices.Contains(names, o.Provider) {
			names = append(names, o.Provider)
		}
	}
	return names
}
