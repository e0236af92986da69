// Package statestore keeps what must be true in Postgres: the desired state,
// the life of every node, decisions, identities, tenants, history and audit.
//
// # Shape
//
// One noun, one file: the typed row and its queries. [Tables] holds all nouns
// over one source of connections, so the same calls work on the pool
// ([Store] embeds a Tables) and inside a transaction ([Store.Tx]). A change and
// the outbox event that tells of it go into one transaction.
//
// # Promises
//
//   - A leader's writes are fenced: they carry a [Term] and fail with
//     [ErrFenced] once another manager was elected, also when the transaction
//     began before (see leader.go for how).
//   - A node's state moves only by compare-and-set ([Nodes.Transition]).
//   - Secrets are sealed before they leave the process ([Sealer]) and bound to
//     their table, column and row, so that ciphertexts cannot be swapped.
//   - Errors come from a closed set, see errors.go. [ErrUnavailable] means that
//     Postgres could not be reached: nothing is known about the write, wait
//     and try again; the pool reconnects by itself.
//   - Times are UTC and have microseconds, as Postgres stores them. They come
//     from the injected clock, except where a comment says otherwise.
//   - Lists page by an opaque cursor that stays valid while rows come and go.
//
// All types are safe for concurrent use, except a Tables given to a Tx
// callback, which belongs to that callback's goroutine.
package statestore
