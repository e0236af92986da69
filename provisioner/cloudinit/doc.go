// Package cloudinit renders the user data from which a bare cloud image becomes
// a transfer node: cloud-init writes the files, one script installs the node's
// program and starts its service.
//
//	user data (MIME multipart, compressed where it must be)
//	├─ cloud-config  /etc/godwit/bootstrap.json, the unit, kernel settings, limits
//	│                of the journal, the first-boot script, the swap file
//	└─ shell script  swap volume, then the node's program from one of the managers
//	                 (retried with jitter until the launch timeout, its SHA-256
//	                 checked), then the first-boot script, then the service
//
// A machine that becomes a manager gets the like: its unit, the programs with their
// checksums, the first-boot script, the service.
//
// What it promises:
//
//   - The same arguments render the same bytes: a repeated launch must not differ
//     from its first, or a cloud that knows the client token refuses it.
//   - User data that a cloud would refuse for its size is an error that says by
//     how much, before the cloud is asked.
//   - The only secret in a node's is the join token, which serves that node once.
//   - A first-boot script that fails keeps the service from starting: the node
//     tells the manager, with the end of the script's output, and is replaced.
package cloudinit
