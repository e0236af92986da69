package api

import "time"

// Transfer is one job of one tenant.
type Transfer struct {
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"`
	AccessKey   string            `json:"access_key" doc:"The tenant."`
	Cluster     Ref               `json:"cluster"`
	Direction   string            `json:"direction" enum:"push,pull" doc:"push: from the client to the cluster."`
	Paths       []string          `json:"paths"`
	State       string            `json:"state" enum:"created,running,done,failed,cancelled,expired"`
	Live        bool              `json:"live" doc:"A node reported it within the last report intervals."`
	RateBps     int64             `json:"rate_bps"`
	TargetBps   int64             `json:"target_bps,omitempty" doc:"The rate it is allowed to reach."`
	Policy      string            `json:"policy,omitempty" enum:"fixed,high,fair,low"`
	Flows       int               `json:"flows,omitempty" doc:"UDP flows that it asked to carry the data of each session; absent: one."`
	RTTMillis   float64           `json:"rtt_ms,omitempty"`
	Loss        float64           `json:"loss,omitempty" doc:"0 to 1."`
	Bytes       int64             `json:"bytes" doc:"Of files, as far as is known there: moved by all sessions, those on nodes that died included. All of total_bytes once it is done and no file failed, also what was there before."`
	TotalBytes  int64             `json:"total_bytes,omitempty" doc:"0 when not known."`
	Files       int64             `json:"files"`
	FilesFailed int64             `json:"files_failed"`
	ETA         *int64            `json:"eta_s,omitempty"`
	Nodes       []Ref             `json:"nodes" doc:"Nodes that serve it; when one transfer is asked for, also those that served it."`
	Moved       int               `json:"moved" doc:"How often it went on on another node."`
	Client      string            `json:"client,omitempty" doc:"The client's address."`
	Error       string            `json:"error,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	Sessions    []TransferSession `json:"sessions,omitempty" doc:"Only when one transfer is asked for."`
}

// TransferSession is one client–node pair of a transfer.
type TransferSession struct {
	ID        string     `json:"id"`
	Node      Ref        `json:"node"`
	State     string     `json:"state" enum:"running,ended"`
	RateBps   int64      `json:"rate_bps"`
	Bytes     int64      `json:"bytes"`
	Files     int64      `json:"files"`
	RTTMillis float64    `json:"rtt_ms,omitempty"`
	Loss      float64    `json:"loss,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndReason string     `json:"end_reason,omitempty"`
}

// TransferCreate asks for a transfer spec: where to connect, with which pinned certificate and token.
type TransferCreate struct {
	Name       string   `json:"name,omitempty" maxLength:"200"`
	Cluster    string   `json:"cluster,omitempty" maxLength:"64" doc:"Id or name; may be left out when there is one cluster."`
	AccessKey  string   `json:"access_key,omitempty" maxLength:"64" doc:"The tenant, when an operator asks; an access key always asks for itself."`
	Direction  string   `json:"direction" enum:"push,pull,list" doc:"list looks around and makes no transfer."`
	Paths      []string `json:"paths,omitempty" maxItems:"10000" doc:"Paths below the access key's storage that the token is for: pull, what may be read; push, the destination. Left out, all that the key may."`
	ClientKey  string   `json:"client_key" minLength:"43" maxLength:"44" doc:"The client's Ed25519 public key, base64; the token is worth nothing without its private half."`
	RateBps    int64    `json:"target_rate_bps,omitempty" minimum:"0" doc:"0: as fast as the path and limits allow."`
	MinRateBps int64    `json:"min_rate_bps,omitempty" minimum:"0"`
	Policy     string   `json:"policy,omitempty" enum:"fixed,high,fair,low" doc:"Left out: fair."`
	Flows      int      `json:"flows,omitempty" minimum:"1" maximum:"16" doc:"UDP flows that carry the data of a session together, for paths that limit each of them. Left out: one."`
	TotalBytes int64    `json:"total_bytes,omitempty" minimum:"0" doc:"When the client knows it, for progress."`
	ExpiresIn  int64    `json:"expires_in_s,omitempty" minimum:"60" maximum:"604800" doc:"Seconds until the token ends unless renewed; left out: a day."`
}

// SpecRequest asks for a further spec of a transfer: to resume it, or to go on on another node.
type SpecRequest struct {
	ClientKey   string   `json:"client_key" minLength:"43" maxLength:"44" doc:"Must be the key that the transfer was made with."`
	Reason      string   `json:"reason,omitempty" enum:"broken,moved,busy,stripe" doc:"Why another is needed."`
	FailedNodes []string `json:"failed_nodes,omitempty" maxItems:"64" doc:"Ids of nodes not to be given again."`
}

// TransferSpecs is where to connect.
type TransferSpecs struct {
	TransferID string         `json:"transfer_id,omitempty" doc:"Absent for direction list."`
	Specs      []TransferSpec `json:"specs" doc:"Best first."`
}

// TransferUpdate changes a running transfer at once; what is left out stays.
type TransferUpdate struct {
	RateBps    *int64  `json:"target_rate_bps,omitempty" minimum:"0" doc:"0: no limit of its own."`
	MinRateBps *int64  `json:"min_rate_bps,omitempty" minimum:"0"`
	Policy     *string `json:"policy,omitempty" enum:"fixed,high,fair,low"`
}
