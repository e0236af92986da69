package policy

// ask is how many nodes to keep for a sample.
type ask struct {
	of    Sample
	nodes int
}

// asks are those of the samples of a history under one policy. From one decision
// to the next a history loses its oldest samples and gets a new one; what the
// others ask for stays as it was.
type asks []ask

// follow makes them those of samples, in their order.
func (a *asks) follow(samples []Sample, p *Policy) {
	known := *a
	if len(samples) > 0 {
		for len(known) > 0 && known[0].of.At.Before(samples[0].At) {
			known = known[1:]
		}
	}
	for i := range samples {
		switch {
		case i >= len(known):
			known = append(known, ask{samples[i], p.shrinkTo(samples[i])})
		case known[i].of != samples[i]:
			known[i] = ask{samples[i], p.shrinkTo(samples[i])}
		}
	}
	*a = known[:len(samples)]
}
