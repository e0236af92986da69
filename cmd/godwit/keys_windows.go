package main

import (
	"errors"
	"os"
)

// singleKeys: the console of Windows has no mode for it that keeps Ctrl-C.
func singleKeys(*os.File) (restore func(), err error) {
	return nil, errors.New("no keys on Windows")
}

func eachKey(*os.File, <-chan struct{}, func(byte)) {}
