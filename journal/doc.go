// Package journal is the manager's side of events: it keeps the stream, files what arrives into Postgres history, and relays what managers themselves have to tell.
//
//	node: spool ──atomic batch──▶ JOURNAL (file stream, synced) ──projector──▶ Postgres: journal_events, transfers, transfer_sessions
//	manager: outbox row in the change's own transaction ──relay──▶ JOURNAL
//
// What is promised: an event that a node's spool had acknowledged is on the manager's disk; each event is in history exactly once, however often it was sent, because a batch
// is filed in one transaction that applies only the ids that were new in it. The projector's position in the stream is a row of that same transaction: a manager that was killed
// goes on, in order, where its last transaction ended. (A durable consumer's acknowledgements cannot promise that: what was delivered and not acknowledged when the manager
// died comes again later than what follows it.) An empty fetch says nothing about the end of the stream, and nothing here takes it for one.
//
// History is kept by day in Postgres. The stream itself keeps StreamAge, for consumers that were away.
package journal
