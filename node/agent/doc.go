// Package agent is a transfer node's manager-facing half: it joins, supervises the transfer service, reports and obeys.
//
//	bootstrap file ──▶ transfer port opened ──▶ joined (identity/join) ──▶ fleet link up
//	                        │                                                │  reports every interval, at once when something changed
//	                        ▼                                                │  commands: drain, config, rate, cancel, revoke …
//	                   supervisor ──▶ transferd (child) ──events──▶ spool ───┘  events, until the journal has them
//
// The agent goes on when its manager is away: the service serves who has a token, events wait in the spool, and the link, or after a while a renewal over HTTPS, finds the
// manager again, at a new address too. It ends when the manager says that the node has ended (ErrEnded), when its lease is not renewed any more (ErrLeaseExpired, local provider
// only), when nobody answered its first join for its launch timeout (ErrJoinTimeout), or when it is told to (the context).
//
// Of the directory that it is given nothing but the identity, the spool and state.json last; one agent uses it at a time.
package agent
