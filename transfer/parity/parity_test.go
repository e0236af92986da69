package parity_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/godwit/godwit/transfer/parity"
)

const room = 1444

// sent makes packets low to high with bodies of up to BodyMost bytes.
func sent(rng *rand.Rand, low, high uint64) map[uint64][]byte {
	out := map[uint64][]byte{}
	for n := low; n <= high; n++ {
		if rng.IntN(20) == 0 {
			continue // a control datagram
		}
		size := parity.BodyMost(room)
		if rng.IntN(5) == 0 {
			size = 1 + rng.IntN(size)
		}
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		out[n] = b
	}
	return out
}

// protect returns the parity packets of each group of run.
func protect(run parity.Run, packets map[uint64][]byte, count int) [][][]byte {
	var e parity.Encoder
	var out [][][]byte
	for g := range run.Stride {
		e.Begin(run, g, count, room)
		for i := range run.Size {
			if b := packets[run.Number(g, i)]; b != nil {
				e.Put(i, copy(e.Room(i), b))
			}
		}
		var row [][]byte
		for j := 0; e.Encode() && j < count; j++ {
			row = append(row, e.Append(nil, j))
		}
		out = append(out, row)
	}
	return out
}

func TestAsManyMayBeLostAsThereIsParity(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 0))
		low := 1 + rng.Uint64N(1<<40)
		high := low + rng.Uint64N(1000)
		packets := sent(rng, low, high)
		run := parity.NewRun(low, high)
		count := 1 + rng.IntN(parity.GroupMost)
		groups := protect(run, packets, count)
		lost := map[uint64]bool{}
		for g, row := range groups {
			gone := rng.IntN(count + 1) // of members and parity
			for ; gone > 0 && len(row) > 0; gone-- {
				n := run.Number(g, rng.IntN(run.Size))
				if packets[n] != nil && !lost[n] {
					lost[n] = true
				} else {
					row = row[1:]
				}
			}
			groups[g] = row
		}
		k := parity.NewKeeper(64 << 20)
		found := 0
		each := func(n uint64, b []byte) {
			if !lost[n] {
				t.Fatalf("seed %d: packet %d was not lost", seed, n)
			}
			if !bytes.Equal(b, packets[n]) {
				t.Fatalf("seed %d: packet %d came back changed", seed, n)
			}
			found++
		}
		// In any order: packets overtake each other.
		var steps []func()
		for n, b := range packets {
			if !lost[n] {
				steps = append(steps, func() { k.Keep(n, b, each) })
			}
		}
		for _, row := range groups {
			for _, b := range row {
				steps = append(steps, func() {
					if err := k.Parity(b, each); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				})
			}
		}
		// Parity that comes early enough may find a packet that is only late.
		if rng.IntN(2) == 0 {
			rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			each = func(n uint64, b []byte) {
				if !bytes.Equal(b, packets[n]) {
					t.Fatalf("seed %d: packet %d came back changed", seed, n)
				}
				if lost[n] {
					found++
				}
			}
		}
		for _, step := range steps {
			step()
		}
		if found != len(lost) {
			t.Fatalf("seed %d: %d of %d lost packets came back (%d to %d, %d parity packets a group)", seed, found, len(lost), low, high, count)
		}
	}
}

func TestParityOfOtherPacketsBringsNothing(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	packets := sent(rng, 1, 100)
	run := parity.NewRun(1, 100)
	rows := protect(run, packets, 4)
	k := parity.NewKeeper(1 << 20)
	each := func(n uint64, _ []byte) { t.Fatalf("packet %d came back", n) }
	for n, b := range packets {
		b = bytes.Clone(b)
		b[0] ^= 1
		if n > 3 {
			k.Keep(n, b, each)
		}
	}
	for _, b := range rows[0] {
		if err := k.Parity(b, each); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeeperHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 1))
	none := func(uint64, []byte) {}
	k := parity.NewKeeper(100 << 10)
	for round := range uint64(50) {
		packets := sent(rng, 1+round*200, 200+round*200)
		for n, b := range packets {
			k.Keep(n, b, none)
		}
		for _, row := range protect(parity.NewRun(1+round*200, 200+round*200), packets, 8) {
			for _, b := range row {
				if err := k.Parity(b, none); err != nil {
					t.Fatal(err)
				}
			}
		}
		if held := k.Held(); held < 0 || held > 100<<10 {
			t.Fatalf("holds %d bytes of %d", held, 100<<10)
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 1))
	packets := sent(rng, 1, 40)
	good := protect(parity.NewRun(1, 40), packets, 3)[0][0]
	k := parity.NewKeeper(1 << 20)
	none := func(uint64, []byte) {}
	for name, b := range map[string][]byte{
		"nothing": nil, "short": good[:20], "cut": good[:len(good)-1],
		"no members": append([]byte{1, 0x80, 0x20, 0, 3, 0}, good[6:]...),
		"index":      append([]byte{1, 0x81, 0x20, 40, 3, 0}, good[6:]...),
		"parity":     append([]byte{1, 0x80, 0x20, 40, 200, 0}, good[6:]...),
	} {
		if err := k.Parity(b, none); !errors.Is(err, parity.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := k.Parity(good, none); err != nil {
		t.Error(err)
	}
}

func TestCountIsEnoughButRarely(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 1))
	for _, loss := range []float64{0.001, 0.01, 0.05, 0.1, 0.2} {
		n := parity.Count(parity.Members, loss)
		failed := 0
		for range 20000 {
			lost := 0
			for range parity.Members + n {
				if rng.Float64() < loss {
					lost++
				}
			}
			if lost > n {
				failed++
			}
		}
		if failed > 20 {
			t.Errorf("loss %v: %d parity packets were too few %d times of 20,000", loss, n, failed)
		}
	}
}

func FuzzKeeper(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 1))
	packets := sent(rng, 1, 40)
	for _, b := range protect(parity.NewRun(1, 40), packets, 3)[0] {
		f.Add(b, uint64(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		k := parity.NewKeeper(1 << 16)
		each := func(n uint64, b []byte) {
			if n == 0 || len(b) == 0 || len(b) > 1<<16 {
				t.Fatalf("packet %d of %d bytes came back", n, len(b))
			}
		}
		for range 2 {
			_ = k.Parity(b, each)
			k.Keep(n, b, each)
			n++
		}
		if k.Held() < 0 || k.Held() > 1<<16 {
			t.Fatalf("holds %d bytes", k.Held())
		}
	})
}

func BenchmarkRestore(b *testing.B) {
	rng := rand.New(rand.NewPCG(6, 1))
	packets := sent(rng, 1, 128)
	rows := protect(parity.NewRun(1, 128), packets, 7)[0]
	b.SetBytes(128 * room)
	b.ReportAllocs()
	for b.Loop() {
		k := parity.NewKeeper(1 << 20)
		for n, body := range packets {
			if n > 3 {
				k.Keep(n, body, nil)
			}
		}
		for _, p := range rows {
			_ = k.Parity(p, func(uint64, []byte) {})
		}
	}
}
