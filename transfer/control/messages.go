package control

import "github.com/godwit/godwit/transfer/filter"

// Hello opens a session: the client's first frame.
type Hello struct {
	Version int    `json:"version"`
	Program string `json:"program,omitempty"`

	Token     string `json:"token,omitempty"`
	AccessKey string `json:"access_key,omitempty"`
	Proof     []byte `json:"proof,omitempty"`      // of the access key's secret
	ClientKey []byte `json:"client_key,omitempty"` // Ed25519 public key
	KeyProof  []byte `json:"key_proof,omitempty"`  // signature over the binding

	Direction  string   `json:"direction"`
	TransferID string   `json:"transfer_id,omitempty"`
	Epoch      uint64   `json:"epoch"`             // rises with each session of a transfer: fences older ones
	Attempt    int      `json:"attempt,omitempty"` // 1 for the first session of a job
	Paths      []string `json:"paths"`

	// Push: names at the top of what will be sent, for a look at whether
	// there is something to resume; at most a thousand.
	Names []string `json:"names,omitempty"`
	// Push: the only source is no directory whose contents are meant, so that
	// the path may be its new name if it is a file.
	Single bool `json:"single,omitempty"`
	// Push: the path is a directory whatever is there.
	Into bool `json:"into,omitempty"`
	// Pull: the client may have something already; see Accept.Ask.
	Ask bool `json:"ask,omitempty"`

	Rate      int64    `json:"rate,omitempty"`     // bit/s wanted; 0: all there is
	MinRate   int64    `json:"min_rate,omitempty"` // bit/s
	Policy    string   `json:"policy,omitempty"`
	Ciphers   []string `json:"ciphers,omitempty"` // acceptable ones, best first
	Overwrite string   `json:"overwrite,omitempty"`
	NoResume  bool     `json:"no_resume,omitempty"`
	Symlinks  string   `json:"symlinks,omitempty"`
	NoTimes   bool     `json:"no_times,omitempty"`
	NoModes   bool     `json:"no_modes,omitempty"`
	Memory    int64    `json:"memory,omitempty"` // client's receive window in bytes
	End       bool     `json:"end,omitempty"`    // pull: the client takes the end among the data; see job.SenderConfig
	Parity    int64    `json:"parity,omitempty"` // pull: bytes that the client holds for parity; see flow.Config
	RTTMicros int64    `json:"rtt_us,omitempty"` // as long as the client's connect took
	// Push: the connection id under which the client tries the path before it is
	// answered, and the cipher it uses; see Accept.Early.
	ConnID uint64 `json:"conn_id,omitempty"`
	Early  string `json:"early,omitempty"`
	// Pull: that the client takes data at an address; see package notary.
	Note []byte `json:"note,omitempty"`
	// The port from which the client's datagrams will come, unless something on the
	// way changes it: the node has a socket for them before they come.
	DataPort uint16 `json:"data_port,omitempty"`

	// Flows is how many flows are to carry the data; 0 and 1: one. See Accept.More.
	Flows int `json:"flows,omitempty"`

	// What of the sources is meant; see transfer.Options.
	Filter *filter.Spec `json:"filter,omitempty"`
	// Pull: Names frames follow the accept: what below the only path is meant
	// and where it goes.
	Listed bool `json:"listed,omitempty"`
	// Push: text that the old name of a replaced file gets at its end; "":
	// replaced files are gone.
	Backup string `json:"backup,omitempty"`
	// Push: end of the new name of a single file, where it does not have it: what is
	// encrypted says so by its name.
	Suffix string `json:"suffix,omitempty"`
	// Push: the path is what comes, by its new name, not a directory that it goes into.
	Named bool `json:"named,omitempty"`
	// Pull: a source that is a directory is refused.
	Flat bool `json:"flat,omitempty"`
	// Nothing is written or removed: verdicts say what would be.
	DryRun bool `json:"dry_run,omitempty"`
	// Push: what arrives is verified and thrown away.
	Discard bool `json:"discard,omitempty"`
	// Pull: the node makes up what it sends.
	Synthetic *Synthetic `json:"synthetic,omitempty"`
	// Pull: what becomes of a source that was committed: "remove", "move" or "".
	Afterwards string   `json:"afterwards,omitempty"`
	MoveTo     string   `json:"move_to,omitempty"`    // move: a directory
	EmptyDirs  bool     `json:"empty_dirs,omitempty"` // and directories that are empty then
	Preserve   []string `json:"preserve,omitempty"`   // beyond times and modes
	Dense      bool     `json:"dense,omitempty"`      // holes are sent and written as zeros
	Delete     *Delete  `json:"delete,omitempty"`     // push

	After string `json:"after,omitempty"` // list: names after this one
	Limit int    `json:"limit,omitempty"` // list: at most so many

	// Stream: the client can have data ride this connection, where datagrams
	// do not get through. Transport is what it wants: "udp" never does so,
	// "tcp" always, "" when there is need.
	Stream    bool   `json:"stream,omitempty"`
	Transport string `json:"transport,omitempty"`

	// TCP: the client has made a handshake over QUIC too; see Accept.Quick.
	Join *Join `json:"join,omitempty"`
}

// Join names the session that the client has begun, or may have, over QUIC: this
// connection is to be its control connection. Where the node knows no such
// session, the hello begins one as any other does.
type Join struct {
	ID    []byte `json:"id"`              // what both ends know of the handshake over QUIC
	Proof []byte `json:"proof"`           // that this connection is of who made it
	Begun bool   `json:"begun,omitempty"` // the node has accepted: where it knows no such session, there is none
}

// Synthetic is a source that exists nowhere.
type Synthetic struct {
	Kind  string `json:"kind"` // "zero" or "random"
	Files int64  `json:"files"`
	Size  int64  `json:"size"` // bytes of each
	Seed  uint64 `json:"seed,omitempty"`
}

// Delete asks the receiver of a push to remove what the sender does not have.
// What is to stay follows in Names frames before the Finish; without them nothing
// is removed.
type Delete struct {
	Scopes []string `json:"scopes"`        // directories below the destination; "" is itself
	Max    int64    `json:"max,omitempty"` // more would be a mistake; 0: no bound
}

// Removed is one page of what a receiver removed, or would.
type Removed struct {
	Entries []ListEntry `json:"entries,omitempty"`
	Failed  []Trouble   `json:"failed,omitempty"`
	TooMany int64       `json:"too_many,omitempty"` // nothing was removed: so many, above Delete.Max
}

// Accept is the node's answer to a Hello that it serves.
type Accept struct {
	Version    int    `json:"version"`
	SessionID  string `json:"session_id"`
	TransferID string `json:"transfer_id"`
	NodeID     string `json:"node_id,omitempty"`
	NodeName   string `json:"node_name,omitempty"`
	ConnID     uint64 `json:"conn_id"` // of the datagrams; 0: the node takes none
	// More are the connection ids of further flows, in order: no more than were asked for.
	More    []uint64 `json:"more,omitempty"`
	Stream  bool     `json:"stream,omitempty"` // the node can have data ride this connection
	Cipher  string   `json:"cipher"`
	Policy  string   `json:"policy"`             // as granted
	Rate    int64    `json:"rate,omitempty"`     // bit/s, as granted; 0: no limit
	MinRate int64    `json:"min_rate,omitempty"` // bit/s
	Memory  int64    `json:"memory"`             // node's receive window in bytes
	End     bool     `json:"end,omitempty"`      // push: the node takes the end among the data; see job.SenderConfig
	Parity  int64    `json:"parity,omitempty"`   // push: bytes that the node holds for parity; see flow.Config
	// Ask: the receiver may have some of it, so the sender announces files
	// and waits for what is wanted.
	Ask bool `json:"ask,omitempty"`
	// Early: the flow that the client has begun goes on. Otherwise the client
	// begins another, with ConnID and keys of its own.
	Early bool `json:"early,omitempty"`
	// Quick: the session was begun over QUIC, and the keys of its datagrams come
	// from that handshake. Otherwise they come from the one over TCP.
	Quick bool `json:"quick,omitempty"`
}

// Close ends a session. An empty Code means that all went as planned.
type Close struct {
	Code         string `json:"code,omitempty"`
	Message      string `json:"message,omitempty"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

// Entries is one page of a listing.
type Entries struct {
	Entries []ListEntry `json:"entries"`
	More    bool        `json:"more,omitempty"` // ask again, After the last
}

// ListEntry is one name of a listing.
type ListEntry struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Time   int64  `json:"time"` // ns since 1970
	Mode   uint32 `json:"mode"`
	Target string `json:"target,omitempty"`
}

// Totals is what the sender's scan found.
type Totals struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	Final bool  `json:"final,omitempty"`
}

// Trouble is a source that cannot be sent.
type Trouble struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
	// Kept: it was sent, but could not be removed or moved afterwards.
	Kept bool `json:"kept,omitempty"`
}

// Withdraw makes the receiver forget an object that changed while it was
// read.
type Withdraw struct {
	ID uint64 `json:"id"`
}

// Rate is a wish of the client for the session that runs.
type Rate struct {
	Rate    *int64 `json:"rate,omitempty"` // bit/s; 0: all there is
	MinRate *int64 `json:"min_rate,omitempty"`
	Policy  string `json:"policy,omitempty"`
}

// Move asks the client to go on elsewhere.
type Move struct {
	Reason string `json:"reason,omitempty"`
}

// Finish says that the sender has sent everything once: the receiver need not
// be told again when the last of it has landed. It is said anew after a Retry.
type Finish struct {
	Objects uint64 `json:"objects"`           // announced in all
	Retries uint64 `json:"retries,omitempty"` // Retry verdicts that the sender has answered
	Stopped bool   `json:"stopped,omitempty"` // objects remain, for a session elsewhere: do not wait
}
