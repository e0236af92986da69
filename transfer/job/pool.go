package job

import (
	"math/bits"
	"sync"
	"unsafe"
)

// Pool hands out buffers in powers of two from 4 KiB to 16 MiB and takes them
// back, so that a transfer of many files does not feed the garbage collector.
// What nobody asked for between two of its rounds is given back to it. It is safe
// for concurrent use; the zero value is ready.
type Pool struct {
	free [classes]sync.Pool // of *byte, the first of a buffer of the class's size
}

const (
	minClass = 12
	maxClass = 24
	classes  = maxClass - minClass + 1
)

// Get returns a buffer of length n.
func (p *Pool) Get(n int) []byte {
	c := class(n)
	if c >= classes {
		return make([]byte, n)
	}
	if first, ok := p.free[c].Get().(*byte); ok {
		return unsafe.Slice(first, 1<<(c+minClass))[:n]
	}
	return make([]byte, n, 1<<(c+minClass))
}

// Put takes back a buffer that Get returned. Nobody may use it any more.
func (p *Pool) Put(b []byte) {
	c := class(cap(b))
	if cap(b) == 0 || c >= classes || cap(b) != 1<<(c+minClass) {
		return
	}
	p.free[c].Put(unsafe.SliceData(b))
}

func class(n int) int { return max(bits.Len(uint(max(n, 1)-1)), minClass) - minClass }
