// Package notary lets a client prove where its datagrams come from before there is
// a session.
//
// A client that pulls asks the node's UDP port, from the socket in which it will
// take data, where it is. The answer is a note: the address that the question came
// from and the time, under a MAC that only this node can make. Whoever shows the
// note has received it there, which is what a challenge that is echoed proves (RFC
// 9000, 8.1). Shown in the hello, it lets the node send data with its answer.
//
// What it promises:
//
//   - The node keeps nothing: notes of an address that never says hello cost no
//     memory.
//   - An answer is shorter than its question, so nobody is flooded by way of it.
//   - A note is good for [Lifetime] and for the one address and port that is in it,
//     at the node that made it, until that ends.
//   - Questions have a budget per second; what exceeds it is not answered, and the
//     client proves its address the slower way.
package notary
