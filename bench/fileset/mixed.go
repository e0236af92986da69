package fileset

import (
	"fmt"
	"math/rand/v2"
)

// Mixed is a tree of about total bytes in files of all sizes: half of it in four
// large ones, a quarter in 32 of middling size, a quarter in many small ones, in
// no order.
func Mixed(total int64) Set {
	const large, middling, mean = 4, 32, 64 << 10
	few := int(max(total/4/mean, 1))
	return Set{
		Name: "mixed", Files: large + middling + few, perDirectory: 200,
		About: fmt.Sprintf("%d bytes, half of them in four files, a quarter in %d small ones", total, few),
		sizes: func(r *rand.Rand, n int) []int64 {
			sizes := make([]int64, 0, n)
			for range large {
				sizes = append(sizes, total/2/large)
			}
			for range middling {
				sizes = append(sizes, total/4/middling)
			}
			sizes = append(sizes, logNormal(r, few, 1, float64(16*mean), float64(few*mean))...)
			r.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
			return sizes
		},
	}
}
