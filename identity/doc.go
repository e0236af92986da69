// Package identity is the cluster's own certificate authority and the door through which nodes join.
//
// Two certificate authorities, because they promise different things:
//
//	control CA ──▶ manager (HTTPS, fleet): server authentication, fixed names (package pin)
//	           └─▶ node's control certificate: client authentication, common name = node id, 24 h
//	serving CA ──▶ node's serving certificate: server authentication, the node's addresses, 24 h
//
// A node's certificate can therefore never stand for the manager, and a serving certificate never opens the fleet. What people and nodes pin is the control CA
// (package pin says which bytes). Both CA keys are sealed in the state store; the manager's own keys live in memory only.
//
// A node joins once, with a one-time token bound to its row and a request that proves its key. The token used again with the same key is the same node whose
// answer got lost; with another key it is refused with 409 and raises an alert. Renewal, and the return of a node that was stopped or cut off for longer than its
// certificate lasted, prove the old key over mTLS; the node's row decides. Ending a node revokes its certificates at once.
package identity
