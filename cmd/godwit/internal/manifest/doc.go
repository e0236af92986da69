// Package manifest reads what `godwit apply` is given: YAML or JSON files of one
// or more documents, each of them a template, a policy or a node configuration
// as it shall be.
//
// Promises: a document is checked whole against its JSON Schema before anything
// is sent, and every fault is told with file, line and what would be right; an
// unknown field is refused with the nearest known name, never dropped. What a
// value means is the manager's to check.
package manifest
