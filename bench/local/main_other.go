//go:build !linux

// Command local measures Godwit over loopback and to disk; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-local: needs Linux")
	os.Exit(1)
}
