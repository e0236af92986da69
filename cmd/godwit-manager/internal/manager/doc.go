// Package manager puts the control plane together and runs it: one process that is the state store's client (or the
// parent of a private Postgres), certificate authority, fleet, journal, reconciler, API and console.
//
// # Order
//
//	data directory, lock ─▶ master key ─▶ state store ─▶ authority ─▶ fleet ─▶ journal ─▶ reconciler ─▶ HTTPS ─▶ manager.json
//
// Each part needs those before it; stopping goes the other way. manager.json appears, whole, when the manager serves:
// who waits for that file with this process's id waits for all of it.
//
// # Promises
//
//   - One manager per data directory: a second one is refused with the first one's process id.
//   - Killed at any moment, it starts again on the same directory with nothing lost: what must be true is in Postgres,
//     nodes go on without it, keep their events, and are found again.
//   - With Postgres away it keeps serving what it can, says so in /readyz, and goes on by itself when it is back.
//   - The set-up link is printed on standard output and nowhere else.
package manager
