// Package slot is where a manager and a machine that waits for work meet: a
// directory that both can reach (a volume, a network mount), and nothing else.
// The provider "attached" is the manager's end, godwit-node attach the
// machine's; this package is the wire between them.
//
//	SLOTS/.lock                   held by the manager that changes anything
//	SLOTS/<slot>/lock             held by the machine as long as it is there
//	SLOTS/<slot>/status.json      machine: who it is, which instance, how it goes
//	SLOTS/<slot>/assignment.json  manager: the instance that the machine is to be
//	SLOTS/<slot>/bootstrap.json   manager: what the node needs to join, 0600;
//	                              removed by the machine once it has a copy
//	SLOTS/<slot>/withdrawn.json   manager: the assignment before, taken back
//	SLOTS/<slot>/console.log      machine: what the node wrote last
//
// The life of a slot, with who takes the step:
//
//	free ──assignment.json──▶ assigned ──bootstrap.json──▶ delivered
//	  ▲          manager                     manager           │ machine: copy kept,
//	  │                                                        │ status says serving,
//	  │ machine: node ended,                                   ▼ bootstrap.json removed
//	  └─status says waiting── withdrawn ◀──assignment.json── serving
//	                                       renamed: manager
//
// Each step is one rename, so that readers see all of it or nothing, and a
// process that dies between two leaves a state of this picture. Every file has
// one writer. Presence is a lock of the kernel and no heartbeat: it ends with
// the process at the same instant, also with kill -9, and needs no clocks that
// agree. (Network file systems give a lost machine's lock back when its lease
// there ends, NFSv4 after about 90 s.)
//
// Two crossings matter. A withdrawal against a machine that is about to serve:
// the machine says serving first and then looks again whether it still should;
// the manager withdraws first and then looks whether the machine serves. One of
// the two sees the other. And a join token against a machine that lost its
// disk: status says that the instance was taken, so that the machine does not
// offer a spent token, which would look like a theft.
//
// Who can write a slot can make its machine serve another manager, and who can
// read it before the machine did can join in its place, once, and not unseen.
// So directories are 0700, files 0600, all under one user id on both sides, and
// a directory that anybody may write is refused.
package slot
