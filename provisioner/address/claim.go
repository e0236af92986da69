package address

import (
	"slices"
	"sync"
	"time"
)

// Claims are which launches of this process are about to take which addresses. The
// zero value has none; it is safe for concurrent use.
type Claims struct {
	mutex sync.Mutex
	held  map[string]claim // by address
}

type claim struct {
	holder string
	until  time.Time
}

// claimLasts is how long a claim holds of which nothing more is heard: longer than
// a launch may wait for its machine.
const claimLasts = 2 * time.Minute

// Take claims one of the free addresses for a holder: the one that it has claimed
// already, if that is free. Without one that nobody else has claimed it says so.
func (c *Claims) Take(now time.Time, holder string, free []string) (string, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.held == nil {
		c.held = map[string]claim{}
	}
	choice := ""
	for _, address := range slices.Sorted(slices.Values(free)) {
		known := c.held[address]
		if known.holder == holder {
			choice = address
			break
		}
		if choice == "" && !now.Before(known.until) {
			choice = address
		}
	}
	c.drop(now, holder)
	if choice == "" {
		return "", false
	}
	c.held[choice] = claim{holder, now.Add(claimLasts)}
	return choice, true
}

// Drop gives up what a holder has claimed.
func (c *Claims) Drop(now time.Time, holder string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.drop(now, holder)
}

// drop also forgets claims that are over.
func (c *Claims) drop(now time.Time, holder string) {
	for address, known := range c.held {
		if known.holder == holder || !now.Before(known.until) {
			delete(c.held, address)
		}
	}
}
