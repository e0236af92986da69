// Package pathbook remembers what transfers learnt of the paths that they took, so
// that the next one need not begin as if it knew nothing.
//
// Whoever sends writes down, per pair of networks, the round trip without a queue,
// the rate that was delivered, the loss of the path itself, the size of datagrams
// that passed, and whether UDP got through at all. The next session uses it as
// Careful Resume does (draft-ietf-tsvwg-careful-resume): see congestion.Resume.
//
// What it promises:
//
//   - An entry is worth nothing after [Lifetime], and its rate nothing when the
//     round trip is another one: then it is another path.
//   - There are [Most] entries at most; the oldest go.
//   - A book may have a file. Several processes may share it: each adds its own to
//     what is there, and it is replaced in one step. What one writes while another
//     does may be forgotten; only a crash of the machine leaves it in pieces. No
//     session waits for it.
//   - A file that is damaged, of another version or not to be read is an empty book.
//     A memory is not worth an error.
package pathbook
