// Package hashtree computes one BLAKE3 tree per file from blocks that arrive in
// any order, on any goroutine.
//
// BLAKE3 is itself a binary tree: 1 KiB chunks at the bottom, and every
// power-of-two run of chunks that starts at a multiple of its own length is a
// complete subtree. A block here is such a run (1 MiB unless the file is
// enormous), so its chaining value depends only on its bytes and its offset.
// That value is the block's leaf. Once every leaf is known, merging them by the
// rules of the BLAKE3 specification gives the root, and the root is exactly
// what `b3sum` prints for the whole file.
//
//	           root  = b3sum(file)
//	          /    \
//	     parent    leaf 2        (the last block may be short)
//	    /     \
//	leaf 0   leaf 1              (32 bytes each; kept in the resume journal)
//
// A file that fits one block has a single leaf, which is its root: BLAKE3
// finalises the root node differently from inner nodes, so such a leaf is not
// the chaining value that the same bytes would have inside a larger file.
package hashtree
