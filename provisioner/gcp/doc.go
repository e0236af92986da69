// Package gcp launches nodes on Google Compute Engine.
//
// One Provider serves one project, in every region of it: the template names
// the region. An instance's id is ZONE/NAME, so that an id alone says where to
// ask.
//
//	Launch ── asked before: look by name in every zone ── found: that is it
//	             │
//	             ▼
//	          offerings in order of preference ──▶ insert, one at a time
//	            market × type × zone                 │
//	                                                 ├─ operation done: made
//	                                                 ├─ no room, quota: noted per offering, next
//	                                                 ├─ no answer: asked again with the same request id
//	                                                 └─ wrong, not allowed: the launch fails
//
// What makes a launch happen once: the instance's name is derived from the
// owner and the row's token, and a name is taken once in a zone. A launch that may
// have been asked for before looks in every zone that the template allows for its
// name (reads of one instance are consistent, lists need not be). Then it inserts
// with a request id that is derived from name and offering: Google answers a
// repeated one with the first operation.
//
// Where the template names an address pool, the insert names a free one of the
// reserved addresses: Google refuses what something has, and then the next is asked
// with. An instance keeps its address while it is stopped, and its end frees it.
//
// What leaves nothing behind: owner labels are part of the insert, on the
// instance and on its disks; disks are deleted with the instance, addresses are
// ephemeral or a pool's, what spot takes back is deleted rather than stopped. A disk that is
// left all the same is found by its label and deleted by Collect.
//
// Calls keep within a budget, and what is throttled or fails is repeated with
// backoff and jitter until the caller's time is up. What was refused lately is
// remembered as a hint only. A launch waits for its operation, since room in a
// zone is known only then.
package gcp
