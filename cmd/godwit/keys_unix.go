//go:build unix

package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// singleKeys makes a terminal give each key at once and show none. Signals, such
// as that of Ctrl-C, stay as they are.
func singleKeys(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	if !foreground(fd) {
		return nil, errors.New("not in the foreground")
	}
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	if err := eachAtOnce(fd); err != nil {
		return nil, err
	}
	return func() {
		if foreground(fd) {
			_ = unix.IoctlSetTermios(fd, setTermios, before)
		}
	}, nil
}

// foreground tells whether keys are for this process. One that reads or changes its
// terminal without being there is stopped.
func foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// eachAtOnce sets what singleKeys promises, unless it is so.
func eachAtOnce(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil || t.Lflag&(unix.ICANON|unix.ECHO) == 0 {
		return err
	}
	t.Lflag &^= unix.ICANON | unix.ECHO
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, setTermios, t)
}

// noEcho makes a terminal show nothing of a line that is typed.
func noEcho(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	now := *before
	now.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, setTermios, &now); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

// keyPatience is how often, in ms, a reader of keys looks whether it is over.
const keyPatience = 100

// eachKey calls press with each key until over is closed or the terminal ends. After
// Ctrl-Z the terminal is the shell's, which sets it as it likes: in the background keys
// are left alone, and back from there they are taken one by one again.
func eachKey(f *os.File, over <-chan struct{}, press func(byte)) {
	fd := int(f.Fd())
	var b [16]byte
	for {
		select {
		case <-over:
			return
		default:
		}
		if !foreground(fd) {
			time.Sleep(keyPatience * time.Millisecond)
			continue
		}
		if err := eachAtOnce(fd); err != nil {
			return
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, keyPatience)
		if errors.Is(err, unix.EINTR) || err == nil && n == 0 || !foreground(fd) {
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
