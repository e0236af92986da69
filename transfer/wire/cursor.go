package wire

import "encoding/binary"

// cursor reads a frame; after the first short or malformed read it stays bad
// and returns zeros, so that callers check once.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || c.bad {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	u := c.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (c *cursor) byte() byte {
	if len(c.b) == 0 || c.bad {
		c.bad = true
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) token() (t Token) {
	if len(c.b) < len(t) || c.bad {
		c.bad = true
		return t
	}
	copy(t[:], c.b)
	c.b = c.b[len(t):]
	return t
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) || c.bad {
		c.bad = true
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}
