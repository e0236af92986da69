package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func sampleLedger(blocks int, marked ...int) *ledger {
	l := newLedger(PartSpec{Size: int64(blocks)*block - 1, BlockSize: block, Identity: Identity{1, 2}, Transfer: [16]byte{3}, Epoch: 4})
	for _, i := range marked {
		l.blocks.set(i)
		l.leaves[i] = Leaf{byte(i), 0xaa}
	}
	return l
}

func TestJournalSurvivesEncoding(t *testing.T) {
	t.Parallel()
	l := sampleLedger(130, 0, 63, 64, 129)
	b, sum := l.encode()
	again, err := parseJournal(appendRecord(b, sum, 77, &Leaf{7}))
	check(t, err)
	if again.spec != l.spec {
		t.Fatalf("spec %+v, was %+v", again.spec, l.spec)
	}
	l.blocks.set(77)
	l.leaves[77] = Leaf{7}
	for i := range l.leaves {
		if l.blocks.has(i) != again.blocks.has(i) || l.leaves[i] != again.leaves[i] {
			t.Errorf("block %d differs", i)
		}
	}
}

func TestDamagedRecordsAreForgottenAndOthersKept(t *testing.T) {
	t.Parallel()
	b, _ := sampleLedger(20, 3, 4, 5).encode()
	for at := headerSize; at < len(b); at++ {
		bad := bytes.Clone(b)
		bad[at] ^= 1 << rand.IntN(8)
		l, err := parseJournal(bad)
		check(t, err)
		if hit := 3 + (at-headerSize)/recordSize; l.blocks.count() != 2 || l.blocks.has(hit) {
			t.Fatalf("byte %d damaged: kept %d blocks", at, l.blocks.count())
		}
	}
	for at := range headerSize {
		bad := bytes.Clone(b)
		bad[at] ^= 1 << rand.IntN(8)
		if _, err := parseJournal(bad); !errors.Is(err, errJournal) {
			t.Fatalf("byte %d of the header damaged: %v", at, err)
		}
	}
}

func TestRecordsOfAnotherJournalAreForgotten(t *testing.T) {
	t.Parallel()
	old, _ := sampleLedger(20, 3, 4, 5).encode()
	l := sampleLedger(20, 9)
	l.spec.Epoch++
	b, _ := l.encode()
	got, err := parseJournal(append(b, old[headerSize:]...))
	check(t, err)
	if got.blocks.count() != 1 || !got.blocks.has(9) {
		t.Errorf("%d blocks", got.blocks.count())
	}
}

func FuzzParseJournal(f *testing.F) {
	whole, sum := sampleLedger(20, 0, 7, 19).encode()
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(whole[:headerSize])
	f.Add(whole[:headerSize-1])
	f.Add(appendRecord(bytes.Clone(whole), sum, 1<<31, &Leaf{}))
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		parsesSafely(t, b)
		parsesSafely(t, withGoodSums(b))
	})
}

// withGoodSums corrects the checksums of b, which no fuzzer would ever guess.
func withGoodSums(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < headerSize {
		return b
	}
	copy(b, journalMagic)
	sum := crc32.Checksum(b[:headerSize-4], castagnoli)
	binary.BigEndian.PutUint32(b[headerSize-4:], sum)
	for r := b[headerSize:]; len(r) >= recordSize; r = r[recordSize:] {
		binary.BigEndian.PutUint32(r[recordSize-4:], crc32.Update(sum, castagnoli, r[:recordSize-4]))
	}
	return b
}

func parsesSafely(t *testing.T, b []byte) {
	t.Helper()
	l, err := parseJournal(b)
	if err != nil {
		if !errors.Is(err, errJournal) {
			t.Fatal(err)
		}
		return
	}
	if l.spec.check() != nil || len(l.leaves) != l.spec.blocks() {
		t.Fatalf("accepted %+v with %d leaves", l.spec, len(l.leaves))
	}
	if most := (len(b) - headerSize) / recordSize; l.blocks.count() > most {
		t.Fatalf("%d blocks from at most %d records", l.blocks.count(), most)
	}
	again, _ := l.encode()
	if l2, err := parseJournal(again); err != nil || l2.blocks.count() != l.blocks.count() {
		t.Fatalf("does not survive encoding: %v", err)
	}
}
