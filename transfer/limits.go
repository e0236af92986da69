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
	// parityShare of a receiver's memory may hold what parity covers until it comes:
	// a few megabytes, more where parity is not enough.
	parityShare = 4

	// ALPN is the protocol name in the TLS handshake.
	ALPN = "godwit/1"
	// QuickALPN is that of a hello over QUIC.
	QuickALPN = "godwit-hello/1"
)

// parityOf is how many bytes a receiver with so much memory holds for parity.
func parityOf(memory int64) int64 { return memory / parityShare }
