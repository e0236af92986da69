// Package arena is where scalers are measured against one that knows the future.
//
// A [Load] is what arrives in seven virtual days: sessions, each with the rate
// that it could use and the bytes that it brings. [Run] plays a load against a
// scaler in steps of five seconds, in a world with the troubles of a real one
// (slow and failing boots, nodes that die, times without capacity), and scores
// what it cost and whom it failed. [Clairvoyant] knows what will arrive within one
// boot; other scalers are measured in its node-hours.
//
// Nothing here has a clock; the same seed gives the same run.
//
// # The world
//
// A node carries 1,000 Mb/s, shared max-min among its sessions. A session's level
// is min(what it wants, 100 Mb/s); a session that gets less, or waits, is under
// its level for so long. One that has waited for 60 s is refused, and counts as
// under its level for all the time that it would have taken. A boot takes 60 to
// 240 s, 105 in the median; 2 % of launches fail; a node dies every 200 h; about
// every 36 h there is no capacity for 5 to 30 min. Nodes are only drained: they
// end when they are empty. New sessions go to the open node with the least
// promised demand. There are 1 to 50 nodes.
package arena
