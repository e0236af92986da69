package api

import (
	"encoding/json"
	"time"
)

// Template says what a cluster launches.
type Template struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Provider  string         `json:"provider" doc:"Who launches the nodes." example:"local"`
	Spec      map[string]any `json:"spec" doc:"In the provider's terms."`
	Version   int64          `json:"version"`
	Author    string         `json:"author,omitempty" doc:"Who made this version."`
	Clusters  []Ref          `json:"clusters" doc:"Clusters that launch from it."`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// TemplateCreate adds a template.
type TemplateCreate struct {
	Name     string          `json:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end"`
	Provider string          `json:"provider" minLength:"1" maxLength:"32"`
	Spec     json.RawMessage `json:"spec" doc:"In the provider's terms; unknown fields are refused."`
}

// TemplateUpdate replaces a template's specification; running nodes keep theirs until they are replaced.
type TemplateUpdate struct {
	Spec json.RawMessage `json:"spec"`
}

// TemplateCheck asks whether a template would be accepted.
type TemplateCheck struct {
	Provider string          `json:"provider" minLength:"1" maxLength:"32"`
	Spec     json.RawMessage `json:"spec"`
}

// TemplateVerdict is the answer; nothing was stored or launched.
type TemplateVerdict struct {
	Valid  bool      `json:"valid"`
	Errors []Invalid `json:"errors"`
}
