package chaos

import (
	"fmt"
	"math/rand/v2"
)

// troubled is a simulator that fails a number of times in the ways that clouds
// have in common.
type troubled interface {
	ThrottleNext(calls int)
	LoseNext(answers int)
	StrandNext(ends int)
}

// trouble makes some of it, and tells.
func trouble(rng *rand.Rand, sim troubled) string {
	switch rng.IntN(3) {
	case 0:
		n := []int{0, 10, forever}[rng.IntN(3)]
		sim.ThrottleNext(n)
		return fmt.Sprintf("throttled: the next %d calls", n)
	case 1:
		n := 1 + rng.IntN(3)
		sim.LoseNext(n)
		return fmt.Sprintf("answers lost: to the next %d changes", n)
	}
	n := 1 + rng.IntN(2)
	sim.StrandNext(n)
	return fmt.Sprintf("parts stranded: of the next %d that end", n)
}

// atEase ends it.
func atEase(sim troubled) {
	sim.ThrottleNext(0)
	sim.LoseNext(0)
	sim.StrandNext(0)
}
