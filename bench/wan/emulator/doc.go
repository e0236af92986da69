// Package emulator makes a wide-area path on one Linux machine: two network
// namespaces, a TUN device in each, and between the devices a process that
// takes every packet through a model of a long link.
//
// What it promises:
//
//   - TCP and UDP, IPv4 and IPv6 cross the same model. A direction's model is,
//     in this order: what a firewall drops, a bottleneck with a rate in bytes of
//     IP packets and a drop-tail queue in time, a policer (token bucket), loss
//     (each packet by itself, or in bursts), delay and jitter. Loss comes after
//     the bottleneck, so that the most a path can carry is rate × (1 − loss).
//   - Rate, queue and loss apply to each packet of the wire. Kernels hand over
//     up to 64 KiB at once (TSO, UDP GSO): these are split first; what survives
//     and leaves within one grain is merged again, as a network card does (GRO).
//   - Chance is seeded: the n-th packet of a direction meets the same fate in
//     each run with the same seed.
//   - What the emulator does beyond its model (packets it dropped unintentionally,
//     lateness) is counted apart and can be read while it runs: Stats.
//   - Nothing outlives the process: namespaces are never named, the kernel frees
//     them and the devices with the last descriptor, also after a SIGKILL.
//
// It needs root, /dev/net/tun, ip (iproute2) and a C compiler: the data path is
// C (relay/relay.c), compiled once for each user and kept in the user's cache.
// Two limits: a packet's time is right to about half a millisecond while the
// link is busy (it works in grains of 250 µs), and the sender's own device takes
// packets infinitely fast, so that bursts meet the queue of the bottleneck, not
// back-pressure.
package emulator
