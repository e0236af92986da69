// Package transfer moves files between a client and a node over UDP, as fast
// as the path allows, encrypted, verified and resumable.
//
// # Parts
//
// A [Server] runs on a node and serves sessions. A [Client] runs one [Job]:
// it asks its Specs function where to connect, opens a session there and moves
// on to the next node whenever a session breaks, is told to move or is
// refused, sending again at most what was not durable. A [Spec] is the JSON
// document that says where to connect, which certificate to expect and what
// to present as a credential. An [Authorizer] turns a [Credential] into a
// [Grant]: this package knows nothing of tokens or tenants.
//
// # A session
//
//	client                                                     node
//	  | TCP, TLS 1.3, ALPN godwit/1, pinned certificate          |
//	  |--------------------------------------------------------->|
//	  | hello: credential, key proof, direction, paths, options   |
//	  |--------------------------------------------------------->| Authorize
//	  |            accept: connection id, rates, limits | refuse  |
//	  |<---------------------------------------------------------|
//	  | data datagrams, either way; range feedback the other way  |
//	  |<=========================================================>| UDP, same port
//	  | have, verdicts, progress, rate, move, ping, finish, close |
//	  |<-------------------------------------------------------->| TCP
//
// A [Channel] may take the place of TCP and TLS: a stream that ssh carries. The
// node's datagrams then have an address of their own.
//
// Where the round trip is more than a few milliseconds, the hello and its answer go
// over QUIC, on the data's port, while TCP and TLS are still at it; the TCP
// connection then joins the session that began without it:
//
//	client                                                     node
//	  | TCP: SYN          QUIC: handshake, pinned certificate     |  1 round trip
//	  | TCP: TLS 1.3      QUIC: hello, accept                     |  2
//	  | TCP: hello of the same session, joins     data flow       |  3
//
// Whichever hello the node sees first begins the session, and there is one. Without
// UDP, or where QUIC is late, all is as above. See docs/adr/0008.
//
// A push that has enough to send greets: while the node looks at its hello, a burst
// of padding crosses the path, under a connection id and keys of the client's
// making, and the report of it comes with the accept.
//
// One session moves data one way: push is client to node, pull is node to
// client. Keys of the data path come from the TLS exporter of the handshake that
// carried the accepted hello, one per session and direction. When the control connection ends, the session ends with it;
// a peer that says nothing for [DeadPeer] is taken for gone.
//
// # Promises
//
//   - A file appears at the destination only whole, verified against the hash
//     of what was read, and durable; until then it is a part file that a later
//     session, on this or another node, continues.
//   - A path that a peer names never leads out of the root that it was given.
//   - [Result] counts only files whose receiver said committed.
//   - Errors that a peer can cause are an [*Error] whose Code tells what to do.
//
// Rates are bits per second of payload and headers up to UDP, sizes are
// bytes, everywhere in this package.
package transfer
