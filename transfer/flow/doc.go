// Package flow moves datagrams between one client and one node: packet
// numbers, encryption, replay protection, feedback, loss detection, pacing and
// address validation. It does no I/O and has no clock: datagrams and moments
// go in, datagrams and deadlines come out, so the same code runs on sockets and
// in a simulator.
//
// A flow has a Sender at one end and a Receiver at the other. Data goes one
// way; reports about it, and the receiver's challenges, go back. Nothing here
// is reliable: a packet is delivered to the Sink or its Source learns that it
// was lost, and the layer above sends the content again when and where it
// likes.
//
// # Use
//
//	s := flow.NewSender(cfg, source)
//	batch := wire.NewBatch()
//	for {
//		for range packetio.Round { // not forever: feedback must be read
//			batch.Reset()
//			if s.AppendDatagrams(clock(), batch) == 0 {
//				break
//			}
//			conn.SendBatch(batch) // to batch.Addr, in one call
//		}
//		// Wait for datagrams, for s.NextDeadline(), or for the application.
//		for _, d := range receive(s.NextDeadline()) {
//			_ = s.HandleDatagram(clock(), d.From, d.Bytes) // errors concern that datagram only
//		}
//		// When the source has something again after Fill returned 0: s.Wake().
//		if s.Stats(clock()).Silence > patience {
//			break // the peer is gone
//		}
//	}
//
// A Receiver is driven in the same way. Neither type is safe for concurrent
// use: one goroutine owns a flow, and with it its Source or Sink.
//
// When a Source knows its end, the receiver keeps what is sent last, and parity
// packets follow it: see package parity.
//
// # Promises
//
// Each token that Source.Fill handed out is reported by Acked at most once and
// by Lost at most once. One of the two comes while feedback does. Acked after
// Lost is possible (the packet was late, not lost); Lost after Acked is not.
// Acked means that the Sink took the payload.
//
// The Sink sees each packet's payload at most once, in order of arrival. A
// Repeat, though, is another packet with the same content.
//
// Without authentic feedback for a second, no data is sent, only small probes.
// To an address that has not echoed a challenge, at most three times the bytes
// that came from it are sent.
package flow
