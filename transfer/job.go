package transfer

import (
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/seal"
)

// Job is what a client wants moved. On the client's side paths are those of
// its operating system; on the node's side they are slash-separated and
// relative to the root of the grant (a leading slash is dropped).
type Job struct {
	Direction Direction

	// Sources are files and directories. A directory arrives under its own
	// name in Destination; with a trailing slash, or as ".", its contents do.
	Sources []string

	// Destination is a directory, made when missing, except for a single
	// source that is a file: then it is the file's new name, unless it ends
	// with a slash or is a directory already.
	Destination string

	// Pairs name what is meant below the only source, a directory, and where
	// below Destination, then a directory too, each thing goes. Paths of both
	// are relative and slash-separated. nil: all of the sources.
	Pairs []Pair

	// Synthetic takes the place of Sources: the sender makes up what it sends.
	Synthetic *Synthetic

	// Input takes the place of Sources in a push: what it yields until io.EOF
	// becomes one file. It is read once, so a job that fails cannot be resumed
	// by another one; sessions of one job that break can. Grow, when positive,
	// takes a local file that is still being written as such an input: the only
	// source, sent until it has not grown for so long.
	Input io.Reader
	Grow  time.Duration

	// Output takes the place of Destination in a pull of one file: it gets the
	// file's bytes in order. They are verified as a whole only at the end.
	Output io.Writer

	Options Options
}

// Pair is one thing of a list.
type Pair struct {
	Source      string // below the source of the job
	Destination string // below its destination; "": the same as Source
}

// Synthetic is a source that exists nowhere: for tests of a path.
type Synthetic struct {
	Zero  bool  // zeros instead of random bytes
	Files int64 // how many
	Size  int64 // bytes of each
}

// Options tune a job. The zero value is a good default.
type Options struct {
	Rate    int64  // target, bit/s; 0: the spec's, or as fast as the path allows
	MinRate int64  // bit/s
	Policy  Policy // "": the spec's, or fair

	Overwrite Overwrite // "": the spec's, or diff
	NoResume  bool      // start files over instead of continuing part files
	Cipher    Cipher    // "": the spec's, or AES-128-GCM
	Symlinks  Symlinks  // "": copy

	NoPreserveTimes bool        // leave the modification times of arrival
	NoPreserveModes bool        // leave modes to the receiver's umask
	Preserve        []Attribute // beyond times and modes
	Dense           bool        // send holes of sparse files, and write them as zeros

	// Filter says what of the sources is meant.
	Filter filter.Spec

	// Seal encrypts each file of a push before it is sent, in the age format;
	// it arrives with ".age" at the end of its name. Unseal decrypts files of a
	// pull that end so, after they were verified; their names lose it.
	Seal   *seal.Sealer
	Unseal []age.Identity

	// Flat refuses sources that are directories.
	Flat bool

	// DryRun moves no data and changes nothing: outcomes are "planned" for
	// what would be done.
	DryRun bool
	// Discard makes the receiver verify and throw away what arrives.
	Discard bool
	// Backup is text that the old version of a replaced file gets at the end
	// of its name; "" keeps none.
	Backup string

	// Delete removes from the destination what the sources do not have, once
	// everything has arrived, unless anything failed or the sources are empty.
	// What the filter leaves out is left alone there too. MaxDelete bounds it:
	// when more would go, nothing does and the job fails; 0 means 1000,
	// negative no bound.
	Delete    bool
	MaxDelete int64

	// Afterwards says what becomes of source files that were committed.
	Afterwards Afterwards
	MoveTo     string // AfterMove: a directory on the sources' side, in their file system
	EmptyDirs  bool   // AfterRemove, AfterMove: directories that are empty then go too

	// Retries is how often in a row a session may fail without having moved
	// anything before the job gives up; 0 means 10, negative means none.
	Retries int
	// RetryMin and RetryMax bound the backoff; 0 means 250 ms and 15 s.
	RetryMin, RetryMax time.Duration

	// Memory bounds the bytes in flight and in buffers on this side; 0 means
	// 384 MiB.
	Memory int64

	// Flows is how many UDP flows carry the data, up to [FlowsMost]: each has a
	// source port of its own, for paths that limit each of them. Rates are those of
	// all together, and beside others they count as one. 0: as the spec says, or one.
	Flows int

	// Transport is what data may ride; "": UDP, or the control connection for
	// as long as UDP does not get through.
	Transport Transport
}

// Validate reports the first thing that no session could do.
func (j Job) Validate() error {
	bad := func(format string, a ...any) error {
		return newError(CodeInvalid, fmt.Sprintf(format, a...), nil)
	}
	o := j.Options
	switch {
	case j.Direction != Push && j.Direction != Pull:
		return bad("direction %q is not push or pull", j.Direction)
	case len(j.Sources) == 0 && j.Synthetic == nil && j.Input == nil:
		return bad("nothing to transfer: no source given")
	case o.Rate < 0 || o.MinRate < 0:
		return bad("a rate cannot be negative")
	case o.Rate > 0 && o.MinRate > o.Rate:
		return bad("the minimum rate is above the target rate")
	case !o.Policy.Valid():
		return bad("policy %q is not fixed, high, fair or low", o.Policy)
	case o.Policy == Fixed && o.Rate == 0:
		return bad("policy fixed needs a rate")
	case !o.Overwrite.Valid():
		return bad("overwrite %q is not never, always, diff, older or diff+older", o.Overwrite)
	case !o.Cipher.Valid():
		return bad("cipher %q is not aes-128-gcm, aes-256-gcm or chacha20-poly1305", o.Cipher)
	case !o.Symlinks.Valid():
		return bad("symlinks %q is not copy, copy+force, follow or skip", o.Symlinks)
	case o.Flows < 0 || o.Flows > FlowsMost:
		return bad("%d flows are not between 1 and %d", o.Flows, FlowsMost)
	case !o.Transport.Valid():
		return bad("transport %q is not auto, udp or tcp", o.Transport)
	}
	if err := j.validateForm(bad); err != nil {
		return err
	}
	if err := o.validateMore(bad); err != nil {
		return err
	}
	for _, s := range append([]string{j.Destination}, j.Sources...) {
		if strings.ContainsRune(s, 0) {
			return newError(CodePath, fmt.Sprintf("path %q holds a NUL byte", s), nil)
		}
	}
	return nil
}

// Attempt tells [Client.Specs] why it is asked.
type Attempt struct {
	Number     int    // 1 for the first session of the job
	Reason     error  // why the session before ended; nil for the first
	FailedNode string // NodeID of the spec before; "" for the first
	TransferID string // of the first spec, so that the manager can go on with it
}

// Result is what a job did. Files and Bytes count what the receiver reported
// committed, each file once, over all sessions.
type Result struct {
	TransferID string        `json:"transfer_id,omitempty"`
	Files      int64         `json:"files"`       // regular files committed
	Bytes      int64         `json:"bytes"`       // their sizes
	Other      int64         `json:"other"`       // directories and symlinks made
	Skipped    int64         `json:"skipped"`     // left alone by the overwrite policy
	Failed     []FileError   `json:"failed"`      // at most MaxFileErrors kept
	FailedMore int64         `json:"failed_more"` // failures beyond those
	Sent       int64         `json:"sent"`        // data bytes that travelled, resent ones included
	Sessions   []SessionUse  `json:"sessions"`
	Moved      int           `json:"moved"` // changes to another node
	Duration   time.Duration `json:"duration"`
	DryRun     bool          `json:"dry_run"` // Files, Bytes and Deleted are what would be
	Deleted    int64         `json:"deleted"` // extras removed from the destination
}

// MaxFileErrors bounds the failures that a [Result] lists.
const MaxFileErrors = 1000

// FileError is a file that did not make it. Others go on.
type FileError struct {
	Path    string `json:"path"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Error says what happened to which file.
func (f FileError) Error() string { return f.Path + ": " + f.Message }

// SessionUse is one session of a job.
type SessionUse struct {
	SessionID string        `json:"session_id,omitempty"`
	NodeID    string        `json:"node_id,omitempty"`
	NodeName  string        `json:"node_name,omitempty"`
	Bytes     int64         `json:"bytes"`            // data bytes that travelled
	Resent    int64         `json:"resent,omitempty"` // of Bytes, of a push: sent again after loss
	Duration  time.Duration `json:"duration"`
	Reason    Code          `json:"reason,omitempty"` // "" when it ended as planned
}

// EventKind names a client [Event].
type EventKind string

// The kinds of events of a job.
const (
	EventSession   EventKind = "session"   // a session is up
	EventProgress  EventKind = "progress"  // a few times a second
	EventFile      EventKind = "file"      // one file ended: committed, skipped or failed
	EventMoved     EventKind = "moved"     // a session ended, the job goes on; Err says why
	EventWaiting   EventKind = "waiting"   // backing off for Wait; Err says why
	EventDeleted   EventKind = "deleted"   // Path is gone from the destination, or would be
	EventTransport EventKind = "transport" // data ride another transport; Err says why, nil for the usual one
)

// Event tells the caller of a job what happens. Progress is always filled.
type Event struct {
	Kind      EventKind
	SessionID string
	NodeID    string
	NodeName  string
	Progress  Progress
	Path      string     // EventFile
	Size      int64      // EventFile
	Outcome   string     // EventFile: "committed", "skipped", "failed" or, in a dry run, "planned"
	ModTime   time.Time  // EventFile
	Hash      [32]byte   // EventFile, committed: BLAKE3 of the content; zero for what is no file
	Local     string     // EventFile: where the file is on this side
	FileError *FileError // EventFile, failed
	Err       error      // EventMoved, EventWaiting, EventTransport
	Transport Transport  // EventSession, EventTransport: what data ride
	Wait      time.Duration
}

// Progress is how far a job is.
type Progress struct {
	Bytes      int64         // of regular files, safe at the destination or on the way there; never goes back by much
	Total      int64         // of all sources, as far as known
	TotalKnown bool          // the scan has ended: Total and FilesTotal are final
	Files      int64         // regular files that ended, skipped and failed ones included; no directories or links
	FilesTotal int64         // regular files found
	Rate       int64         // bit/s, smoothed over about a second
	Target     int64         // bit/s that the session may use; 0: no limit
	RTT        time.Duration // smoothed
	Loss       float64       // share of packets lost, smoothed, 0 to 1
	Elapsed    time.Duration
}

// ETA is the time that is left at the present rate, 0 when unknown.
func (p Progress) ETA() time.Duration {
	if !p.TotalKnown || p.Rate <= 0 || p.Bytes >= p.Total {
		return 0
	}
	return time.Duration(float64(p.Total-p.Bytes) * 8 / float64(p.Rate) * float64(time.Second))
}
