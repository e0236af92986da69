//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

// size of the datagrams: as large as honest ones, so that each costs as much.
const size = 1400

// send is the flooding process. It sends datagrams of a kind until it is told to
// end, as fast as one core can, and prints how many that were each second.
func send(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 4 {
		return errors.New("send KIND SERVER CLIENT HEADER")
	}
	kind := args[0]
	to, err := netip.ParseAddrPort(args[1])
	if err != nil {
		return err
	}
	from, err := netip.ParseAddrPort(args[2])
	if err != nil {
		return err
	}
	header, err := hex.DecodeString(args[3])
	if err != nil || len(header) != wire.HeaderSize {
		return errors.Join(err, fmt.Errorf("header %q", args[3]))
	}
	var sent int64
	began := time.Now()
	switch kind {
	case "noise", "forged", "handshakes":
		sent, err = flood(ctx, kind, to, header)
	case "spoofed", "overheard":
		sent, err = spoof(ctx, kind, from, to, header)
	default:
		err = fmt.Errorf("unknown kind %q", kind)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%.0f\n", float64(sent)/time.Since(began).Seconds())
	return err
}

// flood sends from an address of its own.
func flood(ctx context.Context, kind string, to netip.AddrPort, header []byte) (sent int64, err error) {
	c, err := packetio.Dial(to, packetio.Options{}) //nolint:contextcheck // opening a UDP socket does not wait
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	b := wire.NewBatch()
	for n := uint32(1); ctx.Err() == nil; {
		b.Reset()
		b.Addr = to
		for d := b.Next(size); d != nil && b.Count() < 40; d = b.Next(size) {
			fill(kind, d[:size], header, n)
			b.Commit(size)
			n++
		}
		switch err := c.SendBatch(b); {
		case err == nil:
			sent += int64(b.Count())
		case !errors.Is(err, unix.ENOBUFS):
			return sent, err
		}
	}
	return sent, nil
}

// fill writes the n-th datagram.
func fill(kind string, d, header []byte, n uint32) {
	switch kind {
	case "noise":
		binary.BigEndian.PutUint64(d, rand.Uint64())
		return
	case "handshakes": // RFC 9000, 17.2.2: version 1, two connection ids of 8 bytes, no token, a length
		copy(d, []byte{0xc3, 0, 0, 0, 1, 8})
		binary.BigEndian.PutUint64(d[6:], rand.Uint64())
		d[14] = 8
		binary.BigEndian.PutUint64(d[15:], rand.Uint64())
		binary.BigEndian.PutUint16(d[24:], 0x4000|uint16(len(d)-26))
		return
	}
	copy(d, header)
	h, err := wire.ParseHeader(d)
	if err != nil {
		return // no session's
	}
	if kind == "spoofed" {
		h.ConnID = wire.ConnID(rand.Uint32() & wire.ConnIDMost)
	}
	h.Number += n
	h.Put(d)
}

// spoof sends under another's address, which takes a raw socket.
func spoof(ctx context.Context, kind string, from, to netip.AddrPort, header []byte) (sent int64, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return 0, fmt.Errorf("raw socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	p := make([]byte, 28+size)
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP // the kernel fills in length and checksum of IP; UDP's may be left out
	src, dst := from.Addr().As4(), to.Addr().As4()
	copy(p[12:], src[:])
	copy(p[16:], dst[:])
	binary.BigEndian.PutUint16(p[20:], from.Port())
	binary.BigEndian.PutUint16(p[22:], to.Port())
	binary.BigEndian.PutUint16(p[24:], 8+size)
	at := &unix.SockaddrInet4{Addr: dst}
	for n := uint32(1); ctx.Err() == nil; n++ {
		fill(kind, p[28:], header, n)
		switch err := unix.Sendto(fd, p, 0, at); {
		case err == nil:
			sent++
		case !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR):
			return sent, fmt.Errorf("raw send: %w", err)
		}
	}
	return sent, nil
}

// overhear waits for a datagram to the server's port and says who sent it and how
// it begins.
func overhear(ctx context.Context, port int) (client netip.AddrPort, header []byte, err error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, int(htons(unix.ETH_P_IP)))
	if err != nil {
		return client, nil, fmt.Errorf("packet socket, which root may open: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		return client, nil, err
	}
	b := make([]byte, 1<<16)
	for ctx.Err() == nil {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return client, nil, fmt.Errorf("overhear: %w", err)
		}
		if n < 28+wire.HeaderSize || b[9] != unix.IPPROTO_UDP || int(binary.BigEndian.Uint16(b[22:])) != port {
			continue
		}
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), binary.BigEndian.Uint16(b[20:]))
		return at, append([]byte(nil), b[28:28+wire.HeaderSize]...), nil
	}
	return client, nil, fmt.Errorf("no session was heard: %w", ctx.Err())
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
