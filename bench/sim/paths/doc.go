// Package paths holds the congestion control against a matrix of simulated
// paths: buffers, policers, bursts, jitter, radios, clocks, routes, disks, and
// the flows of others. Each case is played with several seeds on virtual time; a
// case is kept when the median of its seeds is.
package paths
