// Package notify tells people and programs elsewhere when a condition of a cluster begins and ends.
//
//	conditions (leader) ─▶ condition changes ─▶ Courier ─▶ deliveries, rows ─▶ webhook or mail server
//
// The leader's Courier turns each change into a delivery per notification that wants it, in one transaction with its
// place in the changes, so that every change is told exactly once to the store; from there it is sent at least once: a
// leader that dies between sending and noting it sends again, under the same id. What cannot be sent waits, longer each
// time, and holds up what follows to the same target, so that an end is never told before its beginning; after three
// days it is set aside as failed and can be queued again. A condition that ends before its notification's patience is
// over is not told at all.
//
// A webhook gets one POST per change, signed as the Standard Webhooks specification says: headers webhook-id (the
// delivery, the same in every attempt), webhook-timestamp and webhook-signature, an HMAC-SHA256 over the three parts.
// Mail goes through one SMTP server, with STARTTLS or TLS. All connections are made by package egress.
package notify
