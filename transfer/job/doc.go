// Package job decides what a session sends and what becomes of what arrives:
// files as packed records, ranges, windows, resume. It does no I/O and has no
// clock: a Sender is the flow's Source, a Receiver its Sink, and both tell
// their application by callbacks what to read, write and say on the control
// connection. The same code runs on disks and sockets and in a simulator.
//
// # Records
//
// The payload of a data packet is a row of records: entries (an object's id,
// name and attributes), slices of its data, and roots (the hash of a whole
// file). Each record can be placed on arrival, in any order: slices name
// object and offset, those of unknown objects wait for their entry. Many small
// files share a packet, a large one fills many.
//
//	sender                                                 receiver
//	  Add ──► entry, slices …, root ════════ packets ═══════► place
//	             │                                              │ Open, Write, Make
//	             │◄── have-lists (asked objects) ── control ────┤ (application: disk)
//	             │◄── progress: what left the buffers ──────────┤ Written
//	  Ended ◄────┴◄── verdicts: committed, skipped, failed ─────┘ Ended
//	  all sent once ──► Finish ─────── control and packets ───► Done
//
// # Eager and asked objects
//
// A sender does not wait for anything: entry and data go out together. Only
// when the receiver may have some of it already (it says so when the session
// opens) a file is announced first and its data wait for the receiver's
// answer; announcements run ahead, so this costs one round trip per session,
// not per file. The answer lists the hashes of blocks that are durable. The
// sender reads and hashes such blocks too and sends those that differ, so a
// part of an older version becomes the new file, never a mixture.
//
// # Window
//
// The sender keeps what it sent until it is acknowledged, within Memory. The
// receiver reports the bytes that left its buffers; first sendings run ahead
// of that by at most the receiver's window, so a slow disk stops the sender
// instead of filling memory. Bytes of objects that end early (skipped, failed,
// withdrawn) are taken out of both sides' counts.
//
// # Ends
//
// Each object ends in exactly one verdict. A receiver whose hash differs from
// the sender's says Retry; the sender sends the file again as a new object, a
// few times.
//
// The sender says how many objects there are as soon as all were sent once. The
// receiver ends the session when so many have ended, half a round trip after the
// last packet arrived; a Retry makes it wait for the sender's next word.
//
// Neither Sender nor Receiver is safe for concurrent use. Callbacks are made
// from inside methods and must not call back.
package job
