// Package chaos plays seeded histories of the reconciler with the providers of
// the clouds, each as it is shipped, against a simulator of its cloud: requests
// and answers are lost or late, calls are throttled, types and zones run out,
// quotas sink to nothing, spot is taken back, machines die or never become
// nodes, deletions leave parts behind, managers die before and after every call
// and every write, and some go on without knowing that they were replaced.
//
// It has tests only. What they promise:
//
//   - never are more nodes requested than the policy's launch limit, nor do more
//     count than its maximum;
//   - never has a node two machines, nor is there one without a row;
//   - once the harm is over, within boundPasses steps of the reconciler the
//     cluster is what its policy wants, no row is on its way, every machine is
//     its node's and runs, no condition is open;
//   - and no disk, interface or address is left without a machine, those that a
//     deletion stranded being ended within boundParts;
//   - in every third history nodes take their addresses from a pool that is too small
//     at times: no address stays with what is gone, no two machines have one, none is
//     without, and addresses of others stay theirs.
//
// Beside them: what operators get wrong, each with each cloud. A template that names
// what is not there, strange credentials, a quota of nothing, a zone that is out,
// throttling for ten minutes, a first boot that fails: told by field or cause,
// asked for now and then, nothing left or changed, and over when it is mended.
//
// Time is virtual (testing/synctest), so that pauses, budgets and time limits are
// those of production. The connection is a function call: every request is
// encoded, signed, answered and decoded, and none leaves the process.
//
// A seed fixes what the cloud and the network do, to which call, and when
// managers die. The jitter of the SDKs' own pauses is not ours to fix: a replay
// tells nearly the same story, and plays it several times for that.
package chaos
