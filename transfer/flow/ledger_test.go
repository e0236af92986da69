package flow

import (
	"reflect"
	"testing"
	"time"
)

// TestTheLedgerKeepsAllOfAPacket: it copies field by field, these 13.
func TestTheLedgerKeepsAllOfAPacket(t *testing.T) {
	t.Parallel()
	if n := reflect.TypeFor[sentPacket]().NumField(); n != 13 {
		t.Fatalf("a packet has %d fields: are the new ones copied, and set below?", n)
	}
	l := newLedger()
	for n := range uint64(3 * ledgerLeast) {
		even, odd := n%2 == 0, n%2 == 1
		p := sentPacket{
			at: time.Duration(n), token: n + 1, origin: n + 2, size: uint16(n + 3), fate: fate(n%2 + 1), data: even, told: odd,
			missing: even, probe: odd, blind: even, kept: odd, copies: uint8(n + 4), open: uint8(n + 5),
		}
		l.push(&p)
		if e := l.at(l.next - 1); *e != p {
			t.Fatalf("packet %d is %+v in the books, was %+v", n, *e, p)
		}
		if e := l.at(n/2 + 1); e.at != time.Duration(n/2) {
			t.Fatalf("packet %d is in the place of %d", e.at, n/2)
		}
	}
}
