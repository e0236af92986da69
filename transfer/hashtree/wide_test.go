package hashtree

import (
	"math/rand/v2"
	"testing"

	"lukechampine.com/blake3/guts"
)

func needWide(t testing.TB) {
	t.Helper()
	if !haveWide {
		t.Skip("this processor has no 512-bit registers")
	}
}

func TestThisProcessorIsFoundSound(t *testing.T) {
	t.Parallel()
	needWide(t)
	if !useWide() {
		t.Error("the code for 512-bit registers computes something else here")
	}
}

func TestWideRegistersComputeWhatOthersDo(t *testing.T) {
	t.Parallel()
	needWide(t)
	data := noise(partSize+64, 11)
	rng := rand.New(rand.NewPCG(12, 13))
	lengths := []int{partSize - 1, partSize}
	for chunks := 2; chunks < partSize/guts.ChunkSize; chunks++ {
		lengths = append(lengths, chunks*guts.ChunkSize-1, chunks*guts.ChunkSize, chunks*guts.ChunkSize+1+rng.IntN(guts.ChunkSize-1))
	}
	for _, n := range lengths {
		at, counter := rng.IntN(64), uint64(1)<<32-uint64(rng.IntN(partSize/guts.ChunkSize))
		if n < 2*guts.ChunkSize {
			continue
		}
		for _, c := range []uint64{0, counter, rng.Uint64() >> 1} {
			part := data[at : at+n]
			if wide(part, c) != narrow(part, c) {
				t.Fatalf("%d bytes from chunk %d differ", n, c)
			}
		}
	}
}

func TestHashWithoutWideRegisters(t *testing.T) {
	t.Parallel()
	data := noise(3*partSize+777, 14)
	for _, n := range []int{0, 1, guts.ChunkSize, guts.ChunkSize + 1, 2 * guts.ChunkSize, MinBlockSize, MinBlockSize + 1, partSize, len(data)} {
		if got, want := finish(narrow(data[:n], 0)), Sum(data[:n]); got != want {
			t.Errorf("%d bytes: %v, want %v", n, got, want)
		}
	}
}

func FuzzWide(f *testing.F) {
	needWide(f)
	f.Add([]byte("a"), uint32(2048), uint64(0))
	f.Add([]byte("some more bytes"), uint32(partSize), uint64(1<<32-5))
	f.Fuzz(func(t *testing.T, seed []byte, size uint32, counter uint64) {
		data := make([]byte, 2*guts.ChunkSize+size%(partSize-2*guts.ChunkSize+1))
		for i := range data {
			data[i] = byte(i ^ i>>8*31)
		}
		copy(data[len(data)-min(len(seed), len(data)):], seed)
		counter >>= 1 // no file has more
		if wide(data, counter) != narrow(data, counter) {
			t.Fatalf("%d bytes from chunk %d differ", len(data), counter)
		}
	})
}
