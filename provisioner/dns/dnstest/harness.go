package dnstest

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Clock goes only when told.
type Clock struct {
	mutex sync.Mutex
	now   time.Time
}

// NewClock shows a fixed time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// Now is what it shows.
func (c *Clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

// Pass moves it on.
func (c *Clock) Pass(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}

// Truth looks names up in a simulated zone.
func Truth(z *zonesim.Zone) func(*testing.T, string, string) ([]string, time.Duration) {
	return func(_ *testing.T, name, kind string) ([]string, time.Duration) {
		s, ok := z.Get(name, kind)
		if !ok {
			return nil, 0
		}
		return s.Values, s.TTL
	}
}

// Addresses of texts.
func Addresses(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParseAddr(text)
	}
	return out
}
