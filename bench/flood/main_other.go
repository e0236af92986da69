//go:build !linux

// Command flood measures a copy while its server is flooded; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-flood: needs Linux")
	os.Exit(1)
}
