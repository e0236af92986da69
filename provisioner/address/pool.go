// Package address is what providers share of address pools: public addresses of
// the operator's account, of which each node borrows one, so that a firewall can
// list all that nodes may have.
//
// Who has an address is what the cloud says, by its association with a machine
// that carries its owner's tags; nothing is written down beside it. So neither a
// crash nor a lost answer leaks an address or gives one to two nodes. Godwit never
// makes, releases or moves one: an address that something has is not taken.
//
// Claims are a hint between launches of one process, so that those of the same
// moment do not run for the same address. A restart that loses them costs a call.
package address

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/godwit/godwit/provisioner"
)

// Tag, behind a provider's prefix of tags, says of an address of which pool it is.
const Tag = "address-pool"

// Pool is the part of a cloud's template about whose addresses nodes have. Clouds
// whose addresses are resources by themselves embed it in their own.
type Pool struct {
	// AddressPool names the pool of reserved public addresses of which each node takes
	// one, so that firewalls can list them: those of the region that carry the tag
	// godwit:address-pool (at Google the label godwit-address-pool) with this value.
	// Empty: nodes have addresses of their own, or those in addresses.
	AddressPool string `json:"address_pool"`
	// Addresses lists the pool's addresses one by one, in place of address_pool.
	Addresses []string `json:"addresses"`
}

// maxAddresses of a list: as many as one call of EC2's filters takes.
const maxAddresses = 200

// Name of a pool: what tags and labels of all clouds take.
var Name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// Given says that nodes take their addresses from a pool.
func (p Pool) Given() bool { return p.AddressPool != "" || len(p.Addresses) > 0 }

// String is for people: "media", or "of 3 addresses".
func (p Pool) String() string {
	switch {
	case p.AddressPool != "":
		return p.AddressPool
	case len(p.Addresses) == 1:
		return "of 1 address"
	}
	return fmt.Sprintf("of %d addresses", len(p.Addresses))
}

// Check notes what is wrong with it. example is an address, form what all of them
// look like.
func (p Pool) Check(f *provisioner.Faults, example string, form func(string) bool) {
	if p.AddressPool != "" && !Name.MatchString(p.AddressPool) {
		f.Add("address_pool", "is %q; want at most 63 lower-case letters, digits, - and _, such as media", p.AddressPool)
	}
	if p.AddressPool != "" && len(p.Addresses) > 0 {
		f.Add("addresses", "are given beside address_pool: one of them must go")
	}
	f.Names("addresses", p.Addresses, provisioner.Names{Most: maxAddresses, Example: example}, form)
}

// ErrExhausted is the cause of what Exhausted makes.
var ErrExhausted = errors.New("no free address")

// Exhausted is the error of a launch for which no address of a pool is left, be it of
// whatever type, in whatever zone.
func Exhausted(node, pool, region string) error {
	err := fmt.Errorf("address pool %s of %s has %w", pool, region, ErrExhausted)
	return &provisioner.Error{
		Class: provisioner.Capacity, Op: "launch", Subject: node, Err: err,
		Refused: []provisioner.Refusal{{Class: provisioner.Capacity, Text: err.Error()}},
	}
}
