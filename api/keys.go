package api

import "time"

// AccessKey is a tenant: everything that it sees or moves hangs from it.
type AccessKey struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	State       string     `json:"state" enum:"active,revoked"`
	Storage     Storage    `json:"storage"`
	Limits      KeyLimits  `json:"limits"`
	Permissions []string   `json:"permissions" doc:"read, write, delete, list."`
	CreatedAt   time.Time  `json:"created_at"`
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
	LastUsed    *time.Time `json:"last_used_at,omitempty"`
	Sessions    int        `json:"sessions" doc:"Live sessions now."`
	RateBps     int64      `json:"rate_bps" doc:"Of its live transfers."`
}

// Storage is where a tenant's files are.
type Storage struct {
	Type string `json:"type" enum:"local"`
	Path string `json:"path" minLength:"1" maxLength:"4096" doc:"A directory that all nodes of the cluster see."`
	// uniqueItems keeps a list short that has three possible values.
	Preserve []string `json:"preserve,omitempty" uniqueItems:"true" enum:"owners,acls,xattrs" doc:"What pushes may set of files beyond times and modes; by default nothing. Owners need nodes that run as root."`
}

// KeyLimits bound what a tenant takes; 0 is no limit.
type KeyLimits struct {
	MaxRateBps  int64 `json:"max_rate_bps,omitempty" minimum:"0"`
	MaxSessions int   `json:"max_sessions,omitempty" minimum:"0"`
}

// AccessKeyCreate adds a tenant.
type AccessKeyCreate struct {
	Name        string    `json:"name" minLength:"1" maxLength:"64"`
	Storage     Storage   `json:"storage"`
	Limits      KeyLimits `json:"limits,omitempty"`
	Permissions []string  `json:"permissions,omitempty" enum:"read,write,delete,list" uniqueItems:"true" doc:"Left out: all."`
}

// AccessKeyUpdate changes a tenant; what is left out stays.
type AccessKeyUpdate struct {
	Name        *string    `json:"name,omitempty" minLength:"1" maxLength:"64"`
	Limits      *KeyLimits `json:"limits,omitempty"`
	Permissions []string   `json:"permissions,omitempty" enum:"read,write,delete,list" uniqueItems:"true"`
}

// AccessKeySecret is the one answer that holds a key's secret.
type AccessKeySecret struct {
	AccessKey
	Secret        string     `json:"secret" doc:"Shown this once."`
	PreviousUntil *time.Time `json:"previous_until,omitempty" doc:"Until then the secret before works too."`
	Login         string     `json:"login" doc:"The command line that stores pin and profile." example:"godwit login https://host:8443#sha256=… --key ak_… "`
}

// RotateRequest gives a key a new secret.
type RotateRequest struct {
	Overlap int64 `json:"overlap_s,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds that the old secret goes on working; left out or 0, it ends at once."`
}
