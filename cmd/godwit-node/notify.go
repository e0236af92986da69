package main

import (
	"errors"
	"fmt"
	"net"
)

// notifyReady tells systemd (Type=notify) that the node serves. socket is $NOTIFY_SOCKET; nothing is done without one. A leading @ names an abstract socket, which package net
// writes the same way.
func notifyReady(socket string) error {
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify socket: %w", err)
	}
	_, err = conn.Write([]byte("READY=1"))
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("notify socket: %w", err)
	}
	return nil
}
