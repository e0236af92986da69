package api

import "time"

// Ref names a resource.
type Ref struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Cluster is nodes that share a template and a policy and look like one server to clients.
type Cluster struct {
	ID            string      `json:"id"`
	Name          string      `json:"name"`
	Template      Ref         `json:"template"`
	PolicyVersion int64       `json:"policy_version"`
	Paused        bool        `json:"paused" doc:"The cluster is watched and decisions are recorded, but nothing is changed."`
	Deleting      bool        `json:"deleting" doc:"All nodes drain; the cluster goes when the last has ended."`
	Scale         *int        `json:"scale,omitempty" doc:"Number of nodes set by an operator; absent, the policy decides."`
	Nodes         NodeCounts  `json:"nodes"`
	Conditions    []Condition `json:"conditions" doc:"What is wrong now, such as a quota that is used up."`
	// Rollout is under way.
	Rollout *Rollout `json:"rollout,omitempty" doc:"The rollout under way; absent while none is."`
	// Names are what DNS says of the cluster.
	Names     *ClusterNames `json:"names,omitempty" doc:"Names in DNS; absent where the manager publishes none."`
	CreatedAt time.Time     `json:"created_at"`
}

// ClusterNames are a cluster's names in DNS, each with the addresses of its nodes.
type ClusterNames struct {
	Available        string `json:"available" doc:"Nodes that take new clients; never empty while a node serves."`
	All              string `json:"all" doc:"Every node that serves."`
	AvailablePrivate string `json:"available_private" doc:"As available, with private addresses."`
	AllPrivate       string `json:"all_private" doc:"As all, with private addresses."`
}

// NodeCounts counts a cluster's nodes.
type NodeCounts struct {
	Total     int            `json:"total" doc:"Nodes that are not yet ended."`
	Available int            `json:"available" doc:"Running and idle or low: they take new clients."`
	ByState   map[string]int `json:"by_state"`
	ByPool    map[string]int `json:"by_pool" doc:"Running nodes by pool."`
}

// Condition is something that is wrong with a cluster and since when.
type Condition struct {
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
}

// ClusterCreate adds a cluster; its nodes are launched at once.
type ClusterCreate struct {
	Name     string        `json:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end"`
	Template string        `json:"template" minLength:"1" maxLength:"64" doc:"Id or name."`
	Policy   *PolicyChange `json:"policy,omitempty" doc:"Left out fields take their defaults."`
}

// ScaleRequest fixes the number of nodes, or gives it back to the policy.
type ScaleRequest struct {
	Nodes *int `json:"nodes" nullable:"true" minimum:"0" maximum:"10000" doc:"Nodes wanted; null gives the decision back to the policy. The policy's max_nodes holds all the same."`
}

// PolicyVersion is one version of a cluster's policy.
type PolicyVersion struct {
	Version   int64     `json:"version"`
	Policy    Policy    `json:"policy"`
	Author    string    `json:"author,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// PolicyPreview is what would be decided now under a policy; nothing is changed.
type PolicyPreview struct {
	Changes []FieldChange `json:"changes" doc:"Where the policy differs from the one in force."`
	Plan    Plan          `json:"plan"`
	Reasons []Reason      `json:"reasons"`
	// Warnings are those of the schedules, and what else an operator should see before saving.
	Warnings []PolicyWarning `json:"warnings" doc:"What is allowed and likely not meant."`
	Schedule Schedule        `json:"schedule" doc:"The schedules' next seven days under this policy."`
}
