package parity

import (
	"sync"

	"github.com/klauspost/reedsolomon"
)

// work lends the code's buffers, eight megabytes of which it touches a twentieth,
// to all flows of the process in turn.
type work struct{ pool sync.Pool }

var buffers work

// Get implements reedsolomon.WorkAllocator.
func (w *work) Get(n, size int) [][]byte {
	if rows, ok := w.pool.Get().(*[][]byte); ok && len(*rows) >= n && cap((*rows)[0]) >= size {
		for i, row := range (*rows)[:n] {
			(*rows)[i] = row[:size] // who had them cut them
		}
		return (*rows)[:n]
	}
	memory := make([]byte, n*size)
	rows := make([][]byte, n)
	for i := range rows {
		rows[i] = memory[i*size : (i+1)*size : (i+1)*size]
	}
	return rows
}

// Put implements reedsolomon.WorkAllocator.
func (w *work) Put(rows [][]byte) {
	if len(rows) > 0 {
		rows = rows[:cap(rows)]
		w.pool.Put(&rows)
	}
}

// codec is the code that was used last.
type codec struct {
	reedsolomon.Encoder
	members, parity int
}

func (c *codec) of(members, parity int) error {
	if c.Encoder != nil && c.members == members && c.parity == parity {
		return nil
	}
	var err error
	c.members, c.parity = members, parity
	c.Encoder, err = reedsolomon.New(members, parity,
		reedsolomon.WithLeopardGF(true), reedsolomon.WithMaxGoroutines(1), reedsolomon.WithWorkAllocator(&buffers),
		reedsolomon.WithInversionCache(false)) // no two groups lose the same
	return err
}
