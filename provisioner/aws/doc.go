// Package aws launches nodes on Amazon EC2.
//
// One Provider serves one account in a fixed set of regions, which the manager
// is told when it starts. The template says the rest. An instance's id is
// REGION/INSTANCE, so that an id alone says whom to ask.
//
//	Launch ── offerings in order of preference ──▶ RunInstances, one at a time
//	            market × type × subnet                │
//	                                                  ├─ made: done
//	                                                  ├─ no capacity, quota: noted per offering, next
//	                                                  ├─ no answer: kept, the same offering is asked first next time
//	                                                  └─ wrong, not allowed: the launch fails
//
// What makes a launch happen once:
//
//   - Each offering is asked with a client token of its own, derived from the
//     row's: EC2 answers a repeated token with the instance that it made, but
//     only to the same request. (It keeps tokens per zone where a subnet is
//     named, so that one token for all offerings would protect nothing.)
//   - A call whose answer is lost is repeated for its own offering before any
//     other is tried.
//   - Where an earlier manager may have asked (LaunchRequest.AskedBefore), what
//     carries the token's tag is looked for first, for as long as EC2 may take to
//     show it.
//   - Where the template names an address pool, a free Elastic IP address is looked for
//     before the launch, and associated once the instance runs: EC2 does not let it
//     be taken from whoever has one. A launch is over only then; an instance of which
//     it was cut short is Unfinished, and the next call goes on with it.
//
// What leaves nothing behind: owner tags travel in the same call and hold for
// instance, volumes, interface and spot request; volumes and interface end with
// their instance; a machine that is shut down from within ends too. EC2 itself frees
// the Elastic IP address of what is terminated, and keeps that of what is stopped.
//
// What is remembered is either a hint (what was refused lately, how nodes are
// spread) or bridges EC2's eventual consistency for some seconds (what was just
// made). A restart that loses it costs a call, never an instance.
package aws
