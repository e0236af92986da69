package store

import (
	"container/list"
	"io"
	"sync"
)

// cache keeps at most max idle or busy handles open, least recently used first
// to go. A handle in use is closed only when its last user releases it, so the
// number of open ones may exceed max by the number in use.
type cache[V io.Closer] struct {
	mu    sync.Mutex
	max   int
	slots map[string]*slot[V]
	order *list.List // of *slot[V], most recent in front
	ended bool
}

type slot[V io.Closer] struct {
	v    V
	key  string
	refs int
	elem *list.Element // nil once evicted
}

func newCache[V io.Closer](limit int) *cache[V] {
	return &cache[V]{max: limit, slots: map[string]*slot[V]{}, order: list.New()}
}

// acquire returns the handle of key, opening it if need be. Opening happens
// outside the lock; when two goroutines open the same key, the first one's
// handle is shared. hit says that the handle was already there.
func (c *cache[V]) acquire(key string, open func() (V, error)) (s *slot[V], hit bool, err error) {
	if s, err = c.lookup(key); s != nil || err != nil {
		return s, true, err
	}
	v, err := open()
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	if other, ok := c.slots[key]; ok && !c.ended {
		other.refs++
		c.mu.Unlock()
		_ = v.Close()
		return other, true, nil
	}
	s = &slot[V]{v: v, key: key, refs: 1}
	var victims []*slot[V]
	if !c.ended {
		s.elem = c.order.PushFront(s)
		c.slots[key] = s
		for c.order.Len() > c.max {
			victims = append(victims, c.evict(c.order.Back().Value.(*slot[V])))
		}
	}
	c.mu.Unlock()
	closeIdle(victims)
	return s, false, nil
}

func (c *cache[V]) lookup(key string) (*slot[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, ErrClosed
	}
	s, ok := c.slots[key]
	if !ok {
		return nil, nil
	}
	s.refs++
	c.order.MoveToFront(s.elem)
	return s, nil
}

// evict forgets s and returns it when nobody uses it, else nil. Caller holds mu.
func (c *cache[V]) evict(s *slot[V]) *slot[V] {
	c.order.Remove(s.elem)
	s.elem = nil
	delete(c.slots, s.key)
	if s.refs > 0 {
		return nil
	}
	return s
}

func (c *cache[V]) release(s *slot[V]) {
	c.mu.Lock()
	s.refs--
	last := s.refs == 0 && s.elem == nil
	c.mu.Unlock()
	if last {
		_ = s.v.Close()
	}
}

// drop evicts s if it is still cached: it has gone stale.
func (c *cache[V]) drop(s *slot[V]) {
	c.mu.Lock()
	var victim *slot[V]
	if s.elem != nil {
		victim = c.evict(s)
	}
	c.mu.Unlock()
	closeIdle([]*slot[V]{victim})
}

// end closes idle handles now and the others when they are released.
func (c *cache[V]) end() {
	c.mu.Lock()
	c.ended = true
	var victims []*slot[V]
	for c.order.Len() > 0 {
		victims = append(victims, c.evict(c.order.Back().Value.(*slot[V])))
	}
	c.mu.Unlock()
	closeIdle(victims)
}

func closeIdle[V io.Closer](slots []*slot[V]) {
	for _, s := range slots {
		if s != nil {
			_ = s.v.Close()
		}
	}
}
