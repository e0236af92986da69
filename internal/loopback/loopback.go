// Package loopback finds addresses on this machine for what tests and the demo
// start as processes of their own, which cannot be handed an open socket.
package loopback

import (
	"context"
	"fmt"
	"net"
)

// Free is a host:port on 127.0.0.1 at which nobody listened a moment ago by TCP.
// Somebody else may take it before its user does: who cannot live with that tries
// again with another.
func Free(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
