#include "textflag.h"

// BLAKE3's initial value, and the numbers of the lanes.
DATA iv<>+0(SB)/4, $0x6a09e667
DATA iv<>+4(SB)/4, $0xbb67ae85
DATA iv<>+8(SB)/4, $0x3c6ef372
DATA iv<>+12(SB)/4, $0xa54ff53a
DATA iv<>+16(SB)/4, $0x510e527f
DATA iv<>+20(SB)/4, $0x9b05688c
DATA iv<>+24(SB)/4, $0x1f83d9ab
DATA iv<>+28(SB)/4, $0x5be0cd19
GLOBL iv<>(SB), RODATA|NOPTR, $32

DATA lanes<>+0(SB)/8, $0x0000000100000000
DATA lanes<>+8(SB)/8, $0x0000000300000002
DATA lanes<>+16(SB)/8, $0x0000000500000004
DATA lanes<>+24(SB)/8, $0x0000000700000006
DATA lanes<>+32(SB)/8, $0x0000000900000008
DATA lanes<>+40(SB)/8, $0x0000000b0000000a
DATA lanes<>+48(SB)/8, $0x0000000d0000000c
DATA lanes<>+56(SB)/8, $0x0000000f0000000e
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// Where the sixteen words of the message are, a lane for each input, once they are
// transposed.
#define M0 Z16
#define M1 Z19
#define M2 Z17
#define M3 Z18
#define M4 Z20
#define M5 Z23
#define M6 Z21
#define M7 Z22
#define M8 Z24
#define M9 Z27
#define M10 Z25
#define M11 Z26
#define M12 Z28
#define M13 Z31
#define M14 Z29
#define M15 Z30

// QUAD reads a block each of the four inputs from p on. In lane l of w0 to w3 are
// then the words 4l to 4l+3, of each the four inputs'.
#define QUAD(p, w0, w1, w2, w3, t) \
	VMOVDQU32   (p), t \
	VMOVDQU32   (p)(R8*2), w3 \
	VPUNPCKLDQ  (p)(R8*1), t, w2 \
	VPUNPCKHDQ  (p)(R8*1), t, t \
	VPUNPCKLDQ  (p)(R9*1), w3, w1 \
	VPUNPCKHDQ  (p)(R9*1), w3, w3 \
	VPUNPCKLQDQ w1, w2, w0 \
	VPUNPCKHQDQ w1, w2, w1 \
	VPUNPCKLQDQ w3, t, w2 \
	VPUNPCKHQDQ w3, t, w3

// LANES puts the lanes of the same number of t0 to t3 together.
#define LANES(t0, t1, t2, t3, a, b, c, d, m0, m1, m2, m3) \
	VSHUFI32X4 $0x88, t1, t0, a \
	VSHUFI32X4 $0xdd, t1, t0, b \
	VSHUFI32X4 $0x88, t3, t2, c \
	VSHUFI32X4 $0xdd, t3, t2, d \
	VSHUFI32X4 $0x88, c, a, m0 \
	VSHUFI32X4 $0x88, d, b, m1 \
	VSHUFI32X4 $0xdd, c, a, m2 \
	VSHUFI32X4 $0xdd, d, b, m3

// MIX is half of BLAKE3's G for four columns, or diagonals, at once.
#define MIX(r1, r2, a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3, m0, m1, m2, m3) \
	VPADDD m0, a0, a0 \
	VPADDD m1, a1, a1 \
	VPADDD m2, a2, a2 \
	VPADDD m3, a3, a3 \
	VPADDD b0, a0, a0 \
	VPADDD b1, a1, a1 \
	VPADDD b2, a2, a2 \
	VPADDD b3, a3, a3 \
	VPXORD a0, d0, d0 \
	VPXORD a1, d1, d1 \
	VPXORD a2, d2, d2 \
	VPXORD a3, d3, d3 \
	VPRORD r1, d0, d0 \
	VPRORD r1, d1, d1 \
	VPRORD r1, d2, d2 \
	VPRORD r1, d3, d3 \
	VPADDD d0, c0, c0 \
	VPADDD d1, c1, c1 \
	VPADDD d2, c2, c2 \
	VPADDD d3, c3, c3 \
	VPXORD c0, b0, b0 \
	VPXORD c1, b1, b1 \
	VPXORD c2, b2, b2 \
	VPXORD c3, b3, b3 \
	VPRORD r2, b0, b0 \
	VPRORD r2, b1, b1 \
	VPRORD r2, b2, b2 \
	VPRORD r2, b3, b3

#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
	MIX($16, $12, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, m0, m2, m4, m6) \
	MIX($8, $7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, m1, m3, m5, m7) \
	MIX($16, $12, Z0, Z1, Z2, Z3, Z5, Z6, Z7, Z4, Z10, Z11, Z8, Z9, Z15, Z12, Z13, Z14, m8, m10, m12, m14) \
	MIX($8, $7, Z0, Z1, Z2, Z3, Z5, Z6, Z7, Z4, Z10, Z11, Z8, Z9, Z15, Z12, Z13, Z14, m9, m11, m13, m15)

// FETCH brings a kilobyte from p on into the cache.
#define FETCH(p) \
	PREFETCHT0 0(p) \
	PREFETCHT0 64(p) \
	PREFETCHT0 128(p) \
	PREFETCHT0 192(p) \
	PREFETCHT0 256(p) \
	PREFETCHT0 320(p) \
	PREFETCHT0 384(p) \
	PREFETCHT0 448(p) \
	PREFETCHT0 512(p) \
	PREFETCHT0 576(p) \
	PREFETCHT0 640(p) \
	PREFETCHT0 704(p) \
	PREFETCHT0 768(p) \
	PREFETCHT0 832(p) \
	PREFETCHT0 896(p) \
	PREFETCHT0 960(p)

// STORE writes 16 bytes of each of four results, from lane to lane 128 bytes apart.
#define STORE(x, z, at) \
	VMOVDQU32     x, at(DI) \
	VEXTRACTI32X4 $1, z, at+128(DI) \
	VEXTRACTI32X4 $2, z, at+256(DI) \
	VEXTRACTI32X4 $3, z, at+384(DI)

// func compress(out *[lanes]value, in *byte, stride, blocks int, counter uint64, step, all, start, end uint32)
TEXT ·compress(SB), NOSPLIT, $128-56
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ blocks+24(FP), CX
	MOVL all+44(FP), AX
	MOVL end+52(FP), DX
	ORL  AX, DX
	MOVL AX, BX
	ORL  start+48(FP), BX
	LEAQ (R8)(R8*2), R9

	// Where to fetch what is next: behind chunks, nowhere for parents.
	XORQ    R13, R13
	MOVQ    R8, R14
	SHLQ    $4, R14
	ADDQ    SI, R14
	CMPQ    CX, $1
	CMOVQEQ R13, R14

	LEAQ (SI)(R8*4), R10
	LEAQ (R10)(R8*4), R11
	LEAQ (R11)(R8*4), R12

	// Counters of the lanes, with a carry into their upper halves.
	MOVQ         counter+32(FP), R13
	VPBROADCASTD R13, Z0
	SHRQ         $32, R13
	VPBROADCASTD R13, Z1
	MOVL         step+40(FP), R13
	VPBROADCASTD R13, Z2
	VPMULLD      lanes<>(SB), Z2, Z3
	VPADDD       Z3, Z0, Z3
	VPCMPUD      $1, Z0, Z3, K1
	VPTERNLOGD   $0xff, Z5, Z5, Z5
	VPSUBD       Z5, Z1, K1, Z1
	VMOVDQU32    Z3, 0(SP)
	VMOVDQU32    Z1, 64(SP)

	VPBROADCASTD iv<>+0(SB), Z0
	VPBROADCASTD iv<>+4(SB), Z1
	VPBROADCASTD iv<>+8(SB), Z2
	VPBROADCASTD iv<>+12(SB), Z3
	VPBROADCASTD iv<>+16(SB), Z4
	VPBROADCASTD iv<>+20(SB), Z5
	VPBROADCASTD iv<>+24(SB), Z6
	VPBROADCASTD iv<>+28(SB), Z7

block:
	QUAD(SI, Z8, Z19, Z17, Z18, Z16)
	QUAD(R10, Z9, Z23, Z21, Z22, Z20)
	QUAD(R11, Z10, Z27, Z25, Z26, Z24)
	QUAD(R12, Z11, Z31, Z29, Z30, Z28)
	LANES(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, M0, M4, M8, M12)
	LANES(Z19, Z23, Z27, Z31, Z8, Z9, Z10, Z11, M1, M5, M9, M13)
	LANES(Z17, Z21, Z25, Z29, Z12, Z13, Z14, Z15, M2, M6, M10, M14)
	LANES(Z18, Z22, Z26, Z30, Z8, Z9, Z10, Z11, M3, M7, M11, M15)
	ADDQ $64, SI
	ADDQ $64, R10
	ADDQ $64, R11
	ADDQ $64, R12

	// Of what follows the inputs, sixteen chunks as a rule, in one direction: the
	// processor does not run ahead of sixteen places at once.
	TESTQ R14, R14
	JZ    fetched
	FETCH(R14)
	ADDQ  $1024, R14

fetched:
	CMPQ    CX, $1
	CMOVQEQ DX, BX

	VPBROADCASTD iv<>+0(SB), Z8
	VPBROADCASTD iv<>+4(SB), Z9
	VPBROADCASTD iv<>+8(SB), Z10
	VPBROADCASTD iv<>+12(SB), Z11
	VMOVDQU32    0(SP), Z12
	VMOVDQU32    64(SP), Z13
	MOVL         $64, R13
	VPBROADCASTD R13, Z14
	VPBROADCASTD BX, Z15
	MOVL         AX, BX

	ROUND(M0, M1, M2, M3, M4, M5, M6, M7, M8, M9, M10, M11, M12, M13, M14, M15)
	ROUND(M2, M6, M3, M10, M7, M0, M4, M13, M1, M11, M12, M5, M9, M14, M15, M8)
	ROUND(M3, M4, M10, M12, M13, M2, M7, M14, M6, M5, M9, M0, M11, M15, M8, M1)
	ROUND(M10, M7, M12, M9, M14, M3, M13, M15, M4, M0, M11, M2, M5, M8, M1, M6)
	ROUND(M12, M13, M9, M11, M15, M10, M14, M8, M7, M2, M5, M3, M0, M1, M6, M4)
	ROUND(M9, M14, M11, M5, M8, M12, M15, M1, M13, M3, M0, M10, M2, M6, M4, M7)
	ROUND(M11, M15, M5, M0, M1, M9, M8, M6, M14, M10, M2, M12, M3, M4, M7, M13)

	VPXORD Z8, Z0, Z0
	VPXORD Z9, Z1, Z1
	VPXORD Z10, Z2, Z2
	VPXORD Z11, Z3, Z3
	VPXORD Z12, Z4, Z4
	VPXORD Z13, Z5, Z5
	VPXORD Z14, Z6, Z6
	VPXORD Z15, Z7, Z7

	DECQ CX
	JNZ  block

	// From a word of all results to all words of a result.
	VPUNPCKLDQ  Z1, Z0, Z8
	VPUNPCKHDQ  Z1, Z0, Z9
	VPUNPCKLDQ  Z3, Z2, Z10
	VPUNPCKHDQ  Z3, Z2, Z11
	VPUNPCKLDQ  Z5, Z4, Z12
	VPUNPCKHDQ  Z5, Z4, Z13
	VPUNPCKLDQ  Z7, Z6, Z14
	VPUNPCKHDQ  Z7, Z6, Z15
	VPUNPCKLQDQ Z10, Z8, Z0
	VPUNPCKHQDQ Z10, Z8, Z1
	VPUNPCKLQDQ Z11, Z9, Z2
	VPUNPCKHQDQ Z11, Z9, Z3
	VPUNPCKLQDQ Z14, Z12, Z4
	VPUNPCKHQDQ Z14, Z12, Z5
	VPUNPCKLQDQ Z15, Z13, Z6
	VPUNPCKHQDQ Z15, Z13, Z7
	STORE(X0, Z0, 0)
	STORE(X4, Z4, 16)
	STORE(X1, Z1, 32)
	STORE(X5, Z5, 48)
	STORE(X2, Z2, 64)
	STORE(X6, Z6, 80)
	STORE(X3, Z3, 96)
	STORE(X7, Z7, 112)
	VZEROUPPER
	RET
