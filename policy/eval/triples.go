package eval

import "strconv"

// triples reads numbers out of valid JSON.
type triples struct {
	b []byte
	i int
}

func (p *triples) space() {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\t' || p.b[p.i] == '\n' || p.b[p.i] == '\r') {
		p.i++
	}
}

// take passes over c, if that is next.
func (p *triples) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// number reads one. Whole numbers of up to 15 digits, the most of all, need no
// more than their digits.
func (p *triples) number(into *float64) bool {
	p.space()
	start, whole, digits := p.i, int64(0), 0
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		whole, digits = whole*10+int64(p.b[p.i]-'0'), digits+1
		if p.i++; digits > 15 {
			break
		}
	}
	plain := digits > 0 && digits <= 15
	for p.i < len(p.b) && !terminates(p.b[p.i]) {
		p.i++
		plain = false
	}
	if plain {
		*into = float64(whole)
		return true
	}
	x, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
	*into = x
	return err == nil
}

func terminates(c byte) bool {
	return c == ',' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r'
}
