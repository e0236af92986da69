//go:build !amd64

package hashtree

const haveWide = false

func compress(*[lanes]value, *byte, int, int, uint64, uint32, uint32, uint32, uint32) {
	panic("hashtree: no vector code here")
}
