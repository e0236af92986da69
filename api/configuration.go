package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/node/configuration"
)

// NodeConfiguration is what the nodes of a cluster run with.
type NodeConfiguration = configuration.Document

// ConfigurationVersion is one version of a cluster's node configuration.
type ConfigurationVersion struct {
	Version       int64             `json:"version"`
	Configuration NodeConfiguration `json:"configuration"`
	Author        string            `json:"author,omitempty"`
	CreatedAt     time.Time         `json:"created_at"`
}

// ConfigurationChange is a node configuration as a caller sends it: fields may be left out. Package configuration parses
// and checks it.
type ConfigurationChange json.RawMessage

// UnmarshalJSON keeps the text: what a field left out means is decided by the operation.
func (c *ConfigurationChange) UnmarshalJSON(b []byte) error {
	*c = append((*c)[:0], b...)
	return nil
}

// MarshalJSON gives the text back.
func (c ConfigurationChange) MarshalJSON() ([]byte, error) { return c, nil }

// Schema is that of a node configuration with nothing required. Unknown fields are refused by name.
func (ConfigurationChange) Schema(r huma.Registry) *huma.Schema {
	const name = "ConfigurationChange"
	if r.Map()[name] == nil {
		r.Schema(reflect.TypeFor[NodeConfiguration](), true, "NodeConfiguration")
		s := optional(r, r.SchemaFromRef(r.Schema(reflect.TypeFor[NodeConfiguration](), true, "").Ref))
		s.Description = "A node configuration in which fields may be left out."
		s.PrecomputeMessages()
		r.Map()[name] = s
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// ConfigurationRollout is how far a cluster's nodes are with its configuration.
type ConfigurationRollout struct {
	Version int64                      `json:"version" doc:"The version wanted."`
	Total   int                        `json:"total" doc:"Nodes that run or drain."`
	Applied int                        `json:"applied" doc:"Of these, nodes that run with the version wanted, in every field."`
	Pending int                        `json:"pending" doc:"Nodes that do not yet."`
	Refused int                        `json:"refused" doc:"Nodes that refuse the version; error says why."`
	Nodes   []ConfigurationRolloutNode `json:"nodes" doc:"Those that are not there yet first; at most 500."`
}

// ConfigurationRolloutNode is one node on its way to the configuration wanted.
type ConfigurationRolloutNode struct {
	ID            string                     `json:"id"`
	Name          string                     `json:"name"`
	State         string                     `json:"state"`
	ConfigVersion int64                      `json:"config_version" doc:"In force on the node, by its last report; 0 before the first."`
	Applied       bool                       `json:"applied"`
	Drift         []configuration.Difference `json:"drift" doc:"Fields in which the node differs from what is wanted."`
	Error         string                     `json:"error,omitempty" doc:"Why the node refused a configuration."`
}

type configurationPutIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    ConfigurationChange
}

type configurationRevertIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version in force."`
	Body    RevertRequest
}

type configurationVersionsIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Paging
}

type configurationVersionIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Version int64  `path:"version" minimum:"1"`
}

func (s *Server) configurationRoutes() {
	const tag, path = "Configuration", "/clusters/{cluster}/configuration"
	notFound, edit := []int{http.StatusNotFound}, []int{http.StatusNotFound, http.StatusConflict}
	register(s, operation{id: "get-configuration", method: get, path: path, tag: tag, role: RoleViewer,
		summary: "Get what a cluster's nodes are to run with", errors: notFound}, s.getConfiguration)
	register(s, operation{id: "put-configuration", method: put, path: path, tag: tag, role: RoleAdmin,
		summary: "Replace the node configuration by a new version; fields left out take their defaults. Nodes are told at once", errors: edit}, s.putConfiguration)
	register(s, operation{id: "patch-configuration", method: patch, path: path, tag: tag, role: RoleAdmin,
		summary: "Change some fields of the node configuration; fields left out stay. Nodes are told at once", errors: edit}, s.patchConfiguration)
	register(s, operation{id: "revert-configuration", method: post, path: path + "/revert", tag: tag, role: RoleAdmin,
		summary: "Make an earlier node configuration the newest version again", errors: edit}, s.revertConfiguration)
	register(s, operation{id: "list-configuration-versions", method: get, path: path + "/versions", tag: tag, role: RoleViewer,
		summary: "List the versions of a node configuration, newest first", errors: notFound}, s.listConfigurationVersions)
	register(s, operation{id: "get-configuration-version", method: get, path: path + "/versions/{version}", tag: tag, role: RoleViewer,
		summary: "Get one version of a node configuration", errors: notFound}, s.getConfigurationVersion)
	register(s, operation{id: "get-configuration-rollout", method: get, path: path + "/rollout", tag: tag, role: RoleViewer,
		summary: "How far are the nodes with the newest configuration, and which fields does each lack?", errors: notFound}, s.getConfigurationRollout)
}
