// Package cluster is the reconciler: it makes the nodes of every cluster what
// the operator's policy wants them to be. It is the one place where a decision
// (package policy) meets a cloud (package provisioner).
//
// # One step
//
// The leader steps every Interval, over all clusters:
//
//	observe    reports, rows, instances              step.go observe.go inventory.go
//	obey       what operators order of single nodes  order.go
//	settle     facts into rows, boot completes       boot.go run.go
//	roll       a rollout begins, goes on, is cleared  rollout.go drift.go
//	decide     policy.Decide, stored with reasons    decide.go snapshot.go
//	record     load for what-if and forecast         record.go
//	intend     plan into rows                        request.go drain.go repair.go terminate.go
//	ask        sessions to move off crowded nodes    move.go
//	drive      rows into effects                     launch.go offering.go drain.go warm.go terminate.go outcome.go
//	collect    instances without a row               collect.go
//	tell       conditions open and close             symptom.go condition.go
//
// # A node's life
//
//	request.go    launch.go     boot.go       run.go      drain.go      terminate.go
//	requested ──▶ launching ──▶ booting ──▶ running ◀──▶ draining ──▶ terminating ──▶ terminated
//	    │             │            │           │            │              ▲
//	    │             └────────────┴─────┬─────┴────────────┘              │
//	    │                     failed, lost (repair.go) ────────────────────┤
//	    └──────────────────────────────────────────────────────────────────┘
//
// Beside it the warm pool (warm.go), for nodes that were drained for want of load:
//
//	draining ──▶ stopping ──▶ stopped ──▶ starting ──▶ running
//
// A rollout (rollout.go) is a row beside them: nodes that drift.go finds stale are
// replaced, as policy decides, by nodes that carry its generation. When too many
// of those come to nothing it is rolled back, and from then on nodes are launched
// from the version before.
//
//	rolling ⇄ paused ──▶ done | rolled back | aborted | superseded
//
// # Why nothing leaks and nothing sticks
//
// A row is written before each effect, under the leader's term, by
// compare-and-set. Effects follow from rows alone: the path after a crash is
// the path of every day, for each step looks at the row and does what is next.
// So, whatever the two writes between which a manager dies:
//
//   - Row launching, instance maybe made: its owner tag names the node, so the
//     instance is adopted from the provider's list, or the launch is repeated
//     with the token of the row, which makes no second one. The row says which of
//     its template's offerings is asked before it is; another is asked only once
//     the answer was that nothing was made (launch.go, offering.go).
//
//   - Row terminating, instance maybe gone: terminating is repeated until the
//     provider says not found; without an instance's id, until a list asked for
//     one ListLag after the last possible launch shows nothing.
//
//   - Instance without a living row: ended by its owner tag (collect.go).
//
//   - Row stopping or starting, the call maybe made: the provider is asked what
//     the instance does and told again; what runs though its row is stopped is put
//     back to rest.
//
//   - Row without an instance: failed, cleaned up and replaced by policy.
//
//   - Row written, memory not: the next leader takes the request down from the
//     row before the row can end, so the launch limit counts it.
//
//   - Reports known to the dead manager only: the row's report time proves that
//     a draining node lives, never that it is empty.
//
//   - Every wait has an end that derives from times in rows: launch timeout,
//     report timeout, drain deadline.
//
//   - A repeated launch sends the bytes of the first (launch_request): the
//     template, the cluster's name and the manager's address may have changed.
//
//   - A clock that was ahead: times of the future are brought to now (future.go).
//
// A manager that lost its leadership without noticing can do no harm: every
// row write carries its term and fails; a launch repeats a token; an ended id
// is never used again.
//
// Effects run beside the steps, at most one per node at a time, and repeat with
// backoff. A provider that hangs delays its own nodes only.
package cluster
