//go:build !linux

// Command wan emulates a wide-area path; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "wan: emulated paths need Linux: network namespaces and TUN devices")
	os.Exit(1)
}
