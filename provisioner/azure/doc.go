// Package azure launches nodes on Azure virtual machines.
//
// One Provider serves one resource group of one subscription, which should hold
// nothing else; the template names the region. An instance's id is the machine's
// name.
//
//	Launch ── get by name ── exists: that is it; failed: deleted, on with the next
//	             │
//	             ▼
//	          offerings in order of preference ──▶ create if absent, one at a time
//	            market × size × zone                  │
//	                                                  ├─ made, or still being made: done
//	                                                  ├─ no capacity, quota: noted per offering,
//	                                                  │    what is left of it deleted, next
//	                                                  └─ wrong, not allowed: the launch fails
//
// What makes a launch happen once: the machine's name is derived from the owner
// and the row's token, a name is taken once in a resource group, whatever the
// zone, and a creation carries If-None-Match, so that it never changes what is
// there.
//
// What leaves nothing behind: one request makes the machine with its interface,
// its address and its disks, all of which carry the owner's tags and are deleted
// with it (deleteOption). Azure keeps a machine that it could not place, as
// failed; the launch deletes it, and List shows it to whoever comes after a
// crash. Parts that are left all the same are found by their tags and deleted by
// Collect.
//
// Where the template names an address pool, a public IP prefix, that request makes the
// address out of its range. Azure gives none twice; one without is seen before, and
// a launch that others left without at the last moment leaves nothing.
package azure
