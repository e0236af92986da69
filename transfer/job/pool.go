package job

import (
	"math/bits"
	"sync"
)

// Pool hands out buffers in powers of two from 4 KiB to 16 MiB and takes them
// back, so that a transfer of many files does not feed the garbage collector.
// It is safe for concurrent use; the zero value is ready.
type Pool struct {
	mu   sync.Mutex
	free [classes][][]byte
}

const (
	minClass = 12
	maxClass = 24
	classes  = maxClass - minClass + 1
	// idleBytes bounds what each class keeps for later.
	idleBytes = 32 << 20
)

// Get returns a buffer of length n.
func (p *Pool) Get(n int) []byte {
	c := class(n)
	if c >= classes {
		return make([]byte, n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := len(p.free[c]); l > 0 {
		b := p.free[c][l-1]
		p.free[c][l-1] = nil
		p.free[c] = p.free[c][:l-1]
		return b[:n]
	}
	return make([]byte, n, 1<<(c+minClass))
}

// Put takes back a buffer that Get returned. Nobody may use it any more.
func (p *Pool) Put(b []byte) {
	c := class(cap(b))
	if cap(b) == 0 || c >= classes || cap(b) != 1<<(c+minClass) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free[c])<<(c+minClass) < idleBytes {
		p.free[c] = append(p.free[c], b[:0])
	}
}

func class(n int) int { return max(bits.Len(uint(max(n, 1)-1)), minClass) - minClass }
