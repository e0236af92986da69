// Package dns publishes where a cluster's nodes are under names that clients
// can use without asking the manager.
//
// A cluster "prod" in the zone "godwit.example.org" has four names:
//
//	prod.godwit.example.org              nodes that take new clients, public addresses
//	all.prod.godwit.example.org          every node that serves
//	private.prod.godwit.example.org      nodes that take new clients, private addresses
//	all.private.prod.godwit.example.org  every node that serves
//
// The contract is Zone: it is told all records that there should be and makes
// them so, from any state and at once, and touches no record that it does not
// own. Server is the one that needs no cloud: an authoritative server in the
// manager itself, to which a parent zone delegates. It answers for its zone
// alone, so that it is no open resolver, and never transfers the zone. Hosted
// keeps a zone at a service, which the packages below tell it how to speak to.
package dns
