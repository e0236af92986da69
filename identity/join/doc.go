// Package join is the node's side of identity: it makes the node's keys, proves them to the manager, and keeps the certificates fresh.
//
// A node's life with its certificates:
//
//	bootstrap file ──▶ keys made here ──▶ POST /node/v1/join (pinned CA, one-time token, two CSRs)
//	                                          │ 24 h certificates, kept in data_dir/identity
//	                                          ▼
//	                    at 2/3 of the lifetime: POST /node/v1/renew over mTLS with the old certificate
//	                    after expiry too: the old key proves who asks, the manager decides by the node's row
//
// Private keys never leave the node. The two certificates have different issuers: the control certificate opens the fleet connection and renewal only, the
// serving certificate is what clients of the transfer service see.
//
// The package imports the standard library and identity/pin only.
package join
