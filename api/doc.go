// Package api is the manager's front door: /api/v1 for operators, automation and tenants' transfer set-up,
// plus health, metrics, the OpenAPI document and the mounts of the console and of the nodes' join endpoint.
//
// Promises:
//
//   - Every operation is typed; the OpenAPI 3.1 document in openapi.json is generated from the same types
//     (go generate ./api) and a test fails when the two differ. The console and the command line use nothing else.
//   - Every operation names the least role that may call it (x-godwit-role in the document). Nothing is open by omission:
//     registering an operation without a role panics at start.
//   - Errors are RFC 9457 problem documents with a stable code, the request id and, for bad input, each field's location.
//     Unknown fields and query parameters are refused by name. A value that the caller sent is never echoed.
//   - Everything that changes state is written with its audit row in one transaction.
//   - Lists page by opaque cursor and are stable while rows are added.
//   - Rates are bits per second (…_bps), sizes are bytes, durations are seconds (…_s), times are RFC 3339 in UTC.
//
// Who calls: people by session cookie (HttpOnly, Secure, SameSite=Strict, and refused from other origins),
// automation by API token (Authorization: Bearer gwt_…), tenants by access key (Authorization: Basic id:secret),
// which opens the transfer operations of that key alone.
package api

//go:generate go test -run TestDocumentIsCommitted -update .
