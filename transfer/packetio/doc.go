// Package packetio moves batches of datagrams between sockets and the flows.
//
// On Linux a batch leaves in one system call (UDP_SEGMENT) and arrives
// coalesced (UDP_GRO, recvmmsg). Elsewhere, or when a kernel or device refuses,
// datagrams travel one by one; callers see no difference.
//
// A client has a Conn from Dial. A node has a Listener; each session opens a
// Port on it by connection id. Datagrams reach a Port through the Listener's
// shared socket until Connect gives it a socket of its own on the same port
// number, connected to its peer; the shared socket goes on catching the
// datagrams of a peer whose address changed. Expect does the same before the peer
// has proved its address: sessions that begin together then do not share a socket
// with whatever all of them send at first. What a new socket got before it was
// connected goes back to the shared one's reader. Datagrams that name no open Port
// are dropped without state and without an answer, unless another protocol shares
// the port (see Divert); those that name one prove themselves to its flow or are
// dropped there.
//
// Conn and Port have the same methods and are used by one goroutine, which
// owns the flow:
//
//	for {
//		for range packetio.Round {
//			if batch.Reset(); flow.AppendDatagrams(now(), batch) == 0 {
//				break
//			}
//			err = conn.SendBatch(batch)
//		}
//		err = conn.Wait(flow.NextDeadline() - now())
//		for n, err := conn.Recv(in); n > 0; n, err = conn.Recv(in) {
//			for from, datagram := range in.All() {
//				_ = flow.HandleDatagram(now(), from, datagram)
//			}
//		}
//	}
//
// Only Wake and Close may be called from other goroutines.
//
// # Wake-ups
//
// Being woken costs a virtual machine 10 to 30 µs of processor time: it leaves its
// idle state and finds its caches cold. So nobody is woken by a datagram who did
// not ask for it, and who moves a gigabit asks seldom:
//
//   - A sender sleeps until its flow's next burst (half a millisecond of the rate, a
//     whole one on long paths); feedback that came meanwhile is read then.
//   - A receiver rests for one or two milliseconds after each look, and waits for a
//     datagram only when next to nothing came in between. The kernel says when each
//     one arrived (Age), so resting changes no delay that is measured.
//   - Sockets of data are out of the runtime's poller, which would wake up for each
//     train of datagrams whoever waits for it: see bell. Timers are of the kernel's,
//     in that poller, because threads that sleep in system calls keep the runtime's
//     monitor awake: see alarm.
//
// A transfer at 1 Gb/s over 100 ms so makes 2,100 wake-ups a second at both ends
// together; without these rules it was 7,300 (voluntary context switches, as bench/wan
// counts them).
package packetio

// Round is how many batches to send before looking for feedback: a sender that
// the machine cannot keep up with would otherwise never look.
const Round = 8
