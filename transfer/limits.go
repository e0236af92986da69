package transfer

import "time"

const (
	// DeadPeer is how long a peer may be silent on the control connection
	// before the session is given up. Both ends send at least four times as
	// often.
	DeadPeer = 5 * time.Second

	// DefaultMemory bounds bytes in flight and in buffers of one session: at
	// 1 Gb/s, 500 ms and 10 % loss a byte waits for four round trips until
	// its block is whole.
	DefaultMemory = 384 << 20

	// ALPN is the protocol name in the TLS handshake.
	ALPN = "godwit/1"
)
