package api

import "time"

// Settings are what can be set for the whole installation, and facts about the manager.
type Settings struct {
	Version      string        `json:"version"`
	PublicURL    string        `json:"public_url" doc:"Where people, nodes and providers reach the manager."`
	CASHA256     string        `json:"ca_sha256" doc:"Pin of the cluster's certificate authority."`
	Providers    []string      `json:"providers" doc:"Who can launch nodes here, as templates name them; others are turned on by flags of godwit-manager serve."`
	Login        string        `json:"login" doc:"The command line that signs a machine in."`
	StartedAt    time.Time     `json:"started_at"`
	SessionHours int           `json:"session_hours" doc:"How long a sign-in lasts without use."`
	PasswordMin  int           `json:"password_min" doc:"Fewest characters of a new password."`
	LocalSignIn  string        `json:"local_sign_in" enum:"everyone,administrators" doc:"Who may sign in with a password kept here. Administrators always may: a provider that is down locks nobody out."`
	EgressAllow  []string      `json:"egress_allow" doc:"Prefixes, addresses and host names, besides public addresses, that webhooks, mail and sign-in providers may be reached at."`
	Retention    RetentionDays `json:"retention"`
}

// RetentionDays are how long things are kept.
type RetentionDays struct {
	Decisions int `json:"decisions_days" doc:"Decisions with their snapshots, and ended nodes."`
	History   int `json:"history_days" doc:"Transfers and their sessions."`
	Audit     int `json:"audit_days" doc:"Who changed what."`
}

// SettingsUpdate changes settings; what is left out stays.
type SettingsUpdate struct {
	SessionHours *int             `json:"session_hours,omitempty" minimum:"1" maximum:"720"`
	PasswordMin  *int             `json:"password_min,omitempty" minimum:"10" maximum:"128"`
	LocalSignIn  *string          `json:"local_sign_in,omitempty" enum:"everyone,administrators"`
	EgressAllow  *[]string        `json:"egress_allow,omitempty" maxItems:"200"`
	PublicURL    *string          `json:"public_url,omitempty" maxLength:"255" doc:"https://host[:port]; empty: as the manager was started."`
	Retention    *RetentionUpdate `json:"retention,omitempty"`
}

// RetentionUpdate changes how long things are kept; what is left out stays.
type RetentionUpdate struct {
	Decisions *int `json:"decisions_days,omitempty" minimum:"1" maximum:"3650"`
	History   *int `json:"history_days,omitempty" minimum:"1" maximum:"3650"`
	Audit     *int `json:"audit_days,omitempty" minimum:"30" maximum:"3650"`
}
