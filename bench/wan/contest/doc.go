// Package contest runs Godwit and other programs over the same emulated paths,
// one after the other and interleaved, and records what each reached.
//
// What is fair about it: every peer crosses the same model with the same seeds,
// from an empty target, cold (no memory of earlier runs), with its client's
// start and end as the clock. A run has a cap; what did not finish counts the
// bytes that had crossed the path by then, headers and repetitions included,
// which favours the peer. Trees are compared after the runs of programs that
// claim to copy trees.
package contest
