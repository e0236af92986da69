package slot

import (
	"fmt"
	"os"
	"sync"
)

// consoleSize is when a console file is begun anew; with the one before it,
// there is always at least this much. It is what providers return of a console.
const consoleSize = 64 << 10

// Console keeps the last part of what a node writes. It is an io.Writer that is
// safe for concurrent use and never fails: a full disk must not end a node.
type Console struct {
	root *os.Root

	mu   sync.Mutex
	file *os.File // nil after a failure; tried again with the next write
	size int
}

// Console begins an empty console, or goes on with the one of this instance
// when fresh is false.
func (m *Machine) Console(fresh bool) (*Console, error) {
	if fresh {
		for _, name := range []string{consoleFile, consoleBefore} {
			if err := remove(m.root, name); err != nil {
				return nil, fmt.Errorf("slot: console: %w", err)
			}
		}
	}
	return &Console{root: m.root}, nil
}

// Write implements io.Writer.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil && c.size+len(p) > consoleSize {
		c.file.Close()
		c.file = nil
		_ = c.root.Rename(consoleFile, consoleBefore) // failing, the file grows on
	}
	if c.file == nil {
		f, err := c.root.OpenFile(consoleFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY|oNonblock, 0o600)
		if err != nil {
			return len(p), nil // see the type's comment
		}
		c.file, c.size = f, 0
		if info, err := f.Stat(); err == nil {
			c.size = int(info.Size())
		}
	}
	n, _ := c.file.Write(p)
	c.size += n
	return len(p), nil
}

// Close ends the console; what was written stays.
func (c *Console) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file = nil
	return f.Close()
}
