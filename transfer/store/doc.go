// Package store is everything the transfer engine does on disk, confined to one
// directory tree.
//
// A Tree wraps an *os.Root. Every path that a peer names goes through Clean and
// is then opened only through os.Root, so neither "..", nor an absolute path,
// nor a symbolic link can lead outside, on any side, even while somebody swaps
// directories for links.
//
// Sending: Tree.Scan walks in parallel and yields entries while it still runs;
// Tree.OpenFile returns a File to read from any number of goroutines and that
// tells when the source changed under it.
//
// Receiving: a large file is a Part (a preallocated file plus a journal of
// durable blocks, both beside the target), small files go through a Batch (many
// writes, one syncfs, many renames). Either way the target's name shows the old
// content or the new, whole and durable, never a mixture, wherever the power
// fails.
//
//	OpenPart ──► WriteAt… Mark… ──► Sync ──► … ──► Commit
//	    │              │              │               │
//	 claim the     bytes into      data durable,   metadata, fsync,
//	 journal for   place, any      then the        rename over the target,
//	 this epoch    order           journal says so fsync of the directory
//
// Who owns a part: opening one rewrites its journal under a lock and renames it
// into place, so the journal's inode is the claim. A session whose journal is no
// longer the one on disk has been superseded: its next write, Sync or Commit
// returns ErrFenced. Within a transfer only an equal or newer epoch may claim.
// Another transfer may claim once nobody writes any more: who writes holds a lock
// on its journal, which the kernel takes away from the dead; until then it gets
// ErrTaken. Where the system has no locks, the last one wins. Sessions that share
// (source identity, block) write the same bytes to the same place, so the moment
// in which an old session has not yet noticed does no harm; a part for another
// source identity is a new inode that the old session cannot reach.
//
// Concurrency: a Tree, File, Part and Batch may each be used from any number of
// goroutines unless a method says otherwise.
package store
