package rival

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	packetSize = 1472
	ackSize    = 16
)

var errForeign = errors.New("datagram of something else")

// Receiver acknowledges every packet.
type Receiver struct {
	Bytes uint64 // delivered, payload

	peer netip.AddrPort
	acks []uint64
}

// NewReceiver returns the receiving end of a model.
func NewReceiver() *Receiver { return &Receiver{} }

// HandleDatagram implements simnet.Endpoint.
func (r *Receiver) HandleDatagram(_ time.Duration, from netip.AddrPort, b []byte) error {
	if len(b) != packetSize {
		return errForeign
	}
	r.peer = from
	r.Bytes += packetSize
	r.acks = append(r.acks, binary.BigEndian.Uint64(b))
	return nil
}

// AppendDatagrams implements simnet.Endpoint.
func (r *Receiver) AppendDatagrams(_ time.Duration, b *wire.Batch) int {
	b.Addr = r.peer
	n := 0
	for ; n < len(r.acks); n++ {
		room := b.Next(ackSize)
		if room == nil {
			break
		}
		binary.BigEndian.PutUint64(room, r.acks[n])
		b.Commit(ackSize)
	}
	r.acks = r.acks[:copy(r.acks, r.acks[n:])]
	return n
}

// NextDeadline implements simnet.Endpoint.
func (r *Receiver) NextDeadline() time.Duration {
	if len(r.acks) > 0 {
		return 0
	}
	return simnet.Never
}
