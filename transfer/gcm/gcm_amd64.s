#include "textflag.h"

// The bytes of a block in reverse: GHASH's order of bits in registers.
DATA reverse<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA reverse<>+8(SB)/8, $0x0001020304050607
GLOBL reverse<>(SB), RODATA|NOPTR, $16

// The counter in the last four bytes of a block from little- to big-endian.
DATA order<>+0(SB)/8, $0x0706050403020100
DATA order<>+8(SB)/8, $0x0c0d0e0f0b0a0908
GLOBL order<>(SB), RODATA|NOPTR, $16

// What is added to the counters of four blocks, at first and then each time.
DATA first<>+0(SB)/8, $0
DATA first<>+8(SB)/8, $0x0000000100000000
DATA first<>+16(SB)/8, $0
DATA first<>+24(SB)/8, $0x0000000200000000
DATA first<>+32(SB)/8, $0
DATA first<>+40(SB)/8, $0x0000000300000000
DATA first<>+48(SB)/8, $0
DATA first<>+56(SB)/8, $0x0000000400000000
GLOBL first<>(SB), RODATA|NOPTR, $64

DATA four<>+0(SB)/8, $0
DATA four<>+8(SB)/8, $0x0000000400000000
GLOBL four<>(SB), RODATA|NOPTR, $16

// x⁶⁴ times the field's polynomial without its ends, in reverse, for reductions.
DATA poly<>+0(SB)/8, $1
DATA poly<>+8(SB)/8, $0xc200000000000000
GLOBL poly<>(SB), RODATA|NOPTR, $16

#define COUNT(z) \
	VPSHUFB Z31, Z15, z \
	VPADDD  Z13, Z15, Z15 \
	VPXORQ  Z16, z, z

#define ROUND(k) \
	VAESENC k, Z0, Z0 \
	VAESENC k, Z1, Z1 \
	VAESENC k, Z2, Z2 \
	VAESENC k, Z3, Z3

// func crypt(dst, src *byte, n int, keys *[240]byte, rounds int, counter, mask *[16]byte)
TEXT ·crypt(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), R10
	MOVQ keys+24(FP), AX
	MOVQ rounds+32(FP), BX
	MOVQ counter+40(FP), DX
	MOVQ mask+48(FP), R8

	VBROADCASTI32X4 order<>(SB), Z31
	VBROADCASTI32X4 four<>(SB), Z13
	VBROADCASTI32X4 (DX), Z15
	VBROADCASTI32X4 0(AX), Z16
	VBROADCASTI32X4 16(AX), Z17
	VBROADCASTI32X4 32(AX), Z18
	VBROADCASTI32X4 48(AX), Z19
	VBROADCASTI32X4 64(AX), Z20
	VBROADCASTI32X4 80(AX), Z21
	VBROADCASTI32X4 96(AX), Z22
	VBROADCASTI32X4 112(AX), Z23
	VBROADCASTI32X4 128(AX), Z24
	VBROADCASTI32X4 144(AX), Z25
	VBROADCASTI32X4 160(AX), Z30
	CMPQ            BX, $14
	JNE             mask
	VMOVDQA64       Z30, Z26
	VBROADCASTI32X4 176(AX), Z27
	VBROADCASTI32X4 192(AX), Z28
	VBROADCASTI32X4 208(AX), Z29
	VBROADCASTI32X4 224(AX), Z30

mask:
	VPSHUFB     X31, X15, X14
	VPADDD      first<>(SB), Z15, Z15
	VPXORQ      X16, X14, X14
	VAESENC     X17, X14, X14
	VAESENC     X18, X14, X14
	VAESENC     X19, X14, X14
	VAESENC     X20, X14, X14
	VAESENC     X21, X14, X14
	VAESENC     X22, X14, X14
	VAESENC     X23, X14, X14
	VAESENC     X24, X14, X14
	VAESENC     X25, X14, X14
	CMPQ        BX, $14
	JNE         masked
	VAESENC     X26, X14, X14
	VAESENC     X27, X14, X14
	VAESENC     X28, X14, X14
	VAESENC     X29, X14, X14

masked:
	VAESENCLAST X30, X14, X14
	VMOVDQU     X14, (R8)

loop:
	CMPQ R10, $256
	JLT  rest
	COUNT(Z0)
	COUNT(Z1)
	COUNT(Z2)
	COUNT(Z3)
	ROUND(Z17)
	ROUND(Z18)
	ROUND(Z19)
	ROUND(Z20)
	ROUND(Z21)
	ROUND(Z22)
	ROUND(Z23)
	ROUND(Z24)
	ROUND(Z25)
	CMPQ BX, $14
	JNE  final
	ROUND(Z26)
	ROUND(Z27)
	ROUND(Z28)
	ROUND(Z29)

final:
	VAESENCLAST Z30, Z0, Z0
	VAESENCLAST Z30, Z1, Z1
	VAESENCLAST Z30, Z2, Z2
	VAESENCLAST Z30, Z3, Z3
	VPXORQ      0(SI), Z0, Z0
	VPXORQ      64(SI), Z1, Z1
	VPXORQ      128(SI), Z2, Z2
	VPXORQ      192(SI), Z3, Z3
	VMOVDQU64   Z0, 0(DI)
	VMOVDQU64   Z1, 64(DI)
	VMOVDQU64   Z2, 128(DI)
	VMOVDQU64   Z3, 192(DI)
	ADDQ        $256, SI
	ADDQ        $256, DI
	SUBQ        $256, R10
	JMP         loop

rest:
	TESTQ R10, R10
	JLE   done
	MOVQ  $-1, R9
	CMPQ  R10, $64
	JGE   some
	MOVQ  R10, CX
	SHLQ  CX, R9
	NOTQ  R9

some:
	KMOVQ       R9, K1
	COUNT(Z0)
	VAESENC     Z17, Z0, Z0
	VAESENC     Z18, Z0, Z0
	VAESENC     Z19, Z0, Z0
	VAESENC     Z20, Z0, Z0
	VAESENC     Z21, Z0, Z0
	VAESENC     Z22, Z0, Z0
	VAESENC     Z23, Z0, Z0
	VAESENC     Z24, Z0, Z0
	VAESENC     Z25, Z0, Z0
	CMPQ        BX, $14
	JNE         somelast
	VAESENC     Z26, Z0, Z0
	VAESENC     Z27, Z0, Z0
	VAESENC     Z28, Z0, Z0
	VAESENC     Z29, Z0, Z0

somelast:
	VAESENCLAST Z30, Z0, Z0
	VMOVDQU8.Z  (SI), K1, Z1
	VPXORQ      Z1, Z0, Z0
	VMOVDQU8    Z0, K1, (DI)
	ADDQ        $64, SI
	ADDQ        $64, DI
	SUBQ        $64, R10
	JMP         rest

done:
	VZEROUPPER
	RET

// The product of data x and power y into lo Z4, hi Z5 and mid Z6.
#define ADDPRODUCT(x, y, t, u, lo, hi, mid) \
	VPCLMULQDQ $0x00, y, x, t \
	VPXORQ     t, lo, lo \
	VPCLMULQDQ $0x11, y, x, t \
	VPXORQ     t, hi, hi \
	VPCLMULQDQ $0x01, y, x, t \
	VPCLMULQDQ $0x10, y, x, u \
	VPTERNLOGQ $0x96, t, u, mid

#define FOLD(z, y, x) \
	VEXTRACTI64X4 $1, z, Y0 \
	VPXORQ        Y0, y, y \
	VEXTRACTI128  $1, y, X0 \
	VPXOR         X0, x, x

// lo X4, mid X6 and hi X5 modulo the polynomial into X5.
#define REDUCE \
	VMOVDQU    poly<>(SB), X10 \
	VPCLMULQDQ $0x01, X4, X10, X0 \
	VPSHUFD    $0x4e, X4, X4 \
	VPXOR      X0, X6, X6 \
	VPXOR      X4, X6, X6 \
	VPCLMULQDQ $0x01, X6, X10, X0 \
	VPSHUFD    $0x4e, X6, X6 \
	VPXOR      X0, X5, X5 \
	VPXOR      X6, X5, X5

// func hash(sum *[16]byte, powers *[2112]byte, data *byte, n int, last *[16]byte)
TEXT ·hash(SB), NOSPLIT, $0-40
	MOVQ sum+0(FP), DI
	MOVQ powers+8(FP), SI
	MOVQ data+16(FP), DX
	MOVQ n+24(FP), R10
	MOVQ last+32(FP), BX

	VBROADCASTI32X4 reverse<>(SB), Z31

	// R9: the power of the first block, (n+15)/16 + 2.
	LEAQ 47(R10), AX
	ANDQ $~15, AX
	LEAQ 2048(SI), R9
	SUBQ AX, R9

	VPXORQ  X4, X4, X4
	VPXORQ  X5, X5, X5
	VPXORQ  X6, X6, X6
	VMOVDQU (DI), X0
	VPSHUFB X31, X0, X0
	VMOVDQU (R9), X1
	ADDPRODUCT(X0, X1, X2, X3, X4, X5, X6)
	VMOVDQU (BX), X0
	VPSHUFB X31, X0, X0
	VMOVDQU 2032(SI), X1
	ADDPRODUCT(X0, X1, X2, X3, X4, X5, X6)
	ADDQ    $16, R9

loop:
	CMPQ      R10, $64
	JLT       rest
	VMOVDQU64 (DX), Z0
	VPSHUFB   Z31, Z0, Z0
	VMOVDQU64 (R9), Z1
	ADDPRODUCT(Z0, Z1, Z2, Z3, Z4, Z5, Z6)
	ADDQ      $64, DX
	ADDQ      $64, R9
	SUBQ      $64, R10
	JMP       loop

rest:
	TESTQ      R10, R10
	JLE        fold
	MOVQ       $-1, AX
	MOVQ       R10, CX
	SHLQ       CX, AX
	NOTQ       AX
	KMOVQ      AX, K1
	VMOVDQU8.Z (DX), K1, Z0
	VPSHUFB    Z31, Z0, Z0
	VMOVDQU64  (R9), Z1
	ADDPRODUCT(Z0, Z1, Z2, Z3, Z4, Z5, Z6)

fold:
	FOLD(Z4, Y4, X4)
	FOLD(Z5, Y5, X5)
	FOLD(Z6, Y6, X6)
	REDUCE
	VPSHUFB X31, X5, X5
	VMOVDQU X5, (DI)
	VZEROUPPER
	RET

// func multiply(z, x, y *[16]byte)
TEXT ·multiply(SB), NOSPLIT, $0-24
	MOVQ    z+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    y+16(FP), DX
	VMOVDQU (SI), X0
	VMOVDQU (DX), X1
	VPXORQ  X4, X4, X4
	VPXORQ  X5, X5, X5
	VPXORQ  X6, X6, X6
	ADDPRODUCT(X0, X1, X2, X3, X4, X5, X6)
	REDUCE
	VMOVDQU X5, (DI)
	VZEROUPPER
	RET

// func substitute(w uint32) uint32
TEXT ·substitute(SB), NOSPLIT, $0-12
	MOVL            w+0(FP), AX
	VMOVD           AX, X0
	VPSHUFD         $0, X0, X0
	AESKEYGENASSIST $0, X0, X0
	MOVQ            X0, AX
	MOVL            AX, ret+8(FP)
	VZEROUPPER
	RET
