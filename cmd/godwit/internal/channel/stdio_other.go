//go:build !unix

package channel

import "os"

func stdio() (in, out *os.File) { return os.Stdin, os.Stdout }
