// Package fleet is the live picture of nodes and transfers, and the wire between managers and nodes.
//
// An embedded nats-server takes one outbound mTLS connection from every node. What a node may say and hear follows from its certificate's common name alone:
//
//	publish    live.<shard>.<node>.>   reports       memory stream, last value, gone after LiveAge
//	           ev.<node>.>             events        package journal's stream
//	           rpc.<node>.*            questions     answered by handlers given to Handle
//	subscribe  ctl.<node>.>            commands      answered once each
//	           _INBOX.<node>.>         answers
//
// The manager itself comes in through memory, with a secret made at start, which nobody can present over TCP. A revoked certificate is cut off at once and not let
// in again; any certificate's connection ends with its validity.
//
// Reports build the Index: by node, by tenant with the newest transfers first, with running totals. It is soft state: whatever gets lost heals with the next report,
// one interval later. Times in it are the manager's, so that a node's clock cannot make it look alive or dead.
package fleet
