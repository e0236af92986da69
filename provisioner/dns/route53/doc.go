// Package route53 keeps names in a hosted zone of Amazon Route 53.
//
// A change is one ChangeResourceRecordSets: it deletes the sets that were read,
// with their exact values, and creates those that there should be. Route 53 does
// all or nothing, and refuses when what is there has other values, so that nobody's
// change is undone. The zone is named or given by its id, may be a private one, and
// may be in another account, by a role.
package route53
