package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// singleKeys: the console of Windows has no mode for it that keeps Ctrl-C.
func singleKeys(*os.File) (restore func(), err error) {
	return nil, errors.New("no keys on Windows")
}

func eachKey(*os.File, <-chan struct{}, func(byte)) {}

// noEcho makes a console show nothing of a line that is typed.
func noEcho(f *os.File) (restore func(), err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(console, before&^windows.ENABLE_ECHO_INPUT); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(console, before) }, nil
}
