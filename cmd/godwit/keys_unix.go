//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// singleKeys makes a terminal give each key at once and show none. Signals, such
// as that of Ctrl-C, stay as they are.
func singleKeys(f *os.File) (restore func(), err error) {
	if foreground, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP); err != nil || foreground != unix.Getpgrp() {
		return nil, errors.New("not in the foreground") // reading would stop the process
	}
	return setTerminal(f, func(t *unix.Termios) {
		t.Lflag &^= unix.ICANON | unix.ECHO
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	})
}

// noEcho makes a terminal show nothing of a line that is typed.
func noEcho(f *os.File) (restore func(), err error) {
	return setTerminal(f, func(t *unix.Termios) { t.Lflag &^= unix.ECHO })
}

func setTerminal(f *os.File, change func(*unix.Termios)) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	now := *before
	change(&now)
	if err := unix.IoctlSetTermios(fd, setTermios, &now); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

// keyPatience is how often, in ms, a reader of keys looks whether it is over.
const keyPatience = 100

// eachKey calls press with each key until over is closed or the terminal ends.
func eachKey(f *os.File, over <-chan struct{}, press func(byte)) {
	fd := int(f.Fd())
	var b [16]byte
	for {
		select {
		case <-over:
			return
		default:
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, keyPatience)
		if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
			continue
		}
		if err != nil || poll[0].Revents&unix.POLLIN == 0 {
			return
		}
		if n, err = unix.Read(fd, b[:]); err != nil || n <= 0 {
			return
		}
		for _, key := range b[:n] {
			press(key)
		}
	}
}
