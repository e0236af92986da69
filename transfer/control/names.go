package control

// Names is one page of a list of paths, which may be any bytes.
type Names struct {
	Pairs [][2]string // where each thing is and, unless that is the same, where it goes
	Last  bool
}

// AppendNames adds a page to the body of a TypeNames frame. Paths are at most
// 4096 bytes.
func AppendNames(dst []byte, n Names) []byte {
	last := byte(0)
	if n.Last {
		last = 1
	}
	dst = append(dst, last)
	for _, p := range n.Pairs {
		dst = appendText(appendText(dst, p[0]), p[1])
	}
	return dst
}

// ParseNames reads the body of a TypeNames frame.
func ParseNames(body []byte) (Names, error) {
	c := cursor{b: body}
	n := Names{Last: c.byte() == 1}
	for c.more() {
		n.Pairs = append(n.Pairs, [2]string{c.text(), c.text()})
	}
	return n, c.end("names")
}
