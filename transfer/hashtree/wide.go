package hashtree

import (
	"sync"
	"unsafe"

	"lukechampine.com/blake3/guts"
)

// value is a chaining value of BLAKE3.
type value = [8]uint32

// lanes is how many inputs compress digests at once.
const lanes = guts.MaxSIMD

// room is what the values of a part take, with those that the last call writes in vain.
const room = partSize/guts.ChunkSize + lanes

// wide is subtree for 2 chunks to partSize bytes, with both chunks and parents in as
// many lanes as there are.
func wide(data []byte, counter uint64) guts.Node {
	var values [room]value
	n := 0
	for ; len(data) >= MinBlockSize; n += lanes {
		chunks(&values, n, (*vector)(data), counter+uint64(n))
		data = data[MinBlockSize:]
	}
	if whole := len(data) / guts.ChunkSize; whole > 1 {
		v := tails.Get().(*vector)
		copy(v[:], data)
		chunks(&values, n, v, counter+uint64(n))
		tails.Put(v)
		n += whole
		data = data[whole*guts.ChunkSize:]
	}
	for len(data) > 0 {
		chunk := data[:min(len(data), guts.ChunkSize)]
		values[n] = guts.ChainingValue(guts.CompressChunk(chunk, &guts.IV, counter+uint64(n), 0))
		data = data[len(chunk):]
		n++
	}
	return parents(&values, n)
}

// chunks sets the values from n on to those of the chunks of v.
func chunks(values *[room]value, n int, v *vector, counter uint64) {
	compress((*[lanes]value)(values[n:]), &v[0], guts.ChunkSize, guts.ChunkSize/guts.BlockSize, counter, 1, 0, guts.FlagChunkStart, guts.FlagChunkEnd)
}

// parents merges the first n values, 2 at least, up to the top, level by level: who
// has no neighbour goes up as it is. It uses the values up.
func parents(values *[room]value, n int) guts.Node {
	for n > 2 {
		odd := values[n-1]
		for i := 0; i < n/2; i += lanes {
			compress((*[lanes]value)(values[i:]), (*byte)(unsafe.Pointer(&values[2*i])), 2*int(unsafe.Sizeof(value{})), 1, 0, 0, guts.FlagParent, 0, 0)
		}
		if n%2 > 0 {
			values[n/2] = odd
		}
		n -= n / 2
	}
	return guts.ParentNode(values[0], values[1], &guts.IV, 0)
}

// useWide reports, once for the process, whether this processor computes here what the
// code that runs everywhere does: files would else not be what their hashes say.
var useWide = sync.OnceValue(func() bool {
	if !haveWide {
		return false
	}
	data := make([]byte, 3*MinBlockSize+5*guts.ChunkSize+7)
	for i := range data {
		data[i] = byte(i*i>>7 ^ i)
	}
	const counter = 1<<32 - 7 // the carry is in the midst of a call
	return wide(data, counter) == narrow(data, counter)
})
