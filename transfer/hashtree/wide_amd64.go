package hashtree

import "golang.org/x/sys/cpu"

// haveWide says that the processor and its system have all that the assembly uses.
var haveWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ

// compress digests lanes inputs at once, each of so many blocks of 64 bytes in a row,
// stride bytes apart, all of which it reads, and writes a value for each. Input i has
// the counter counter + i·step. All blocks have the flags all, the first also start,
// the last also end, which for a single one takes the place of start.
//
//go:noescape
func compress(out *[lanes]value, in *byte, stride, blocks int, counter uint64, step, all, start, end uint32)
