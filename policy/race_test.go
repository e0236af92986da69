//go:build race

package policy_test

// The race detector makes a simulated history about eight times slower.
const defaultSeeds = 12
