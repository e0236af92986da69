//go:build !race

package policy_test

const defaultSeeds = 50
