// Package rival models the congestion control of others, for flows to compete
// with in a simulated network: CUBIC (RFC 9438) and version 1 of BBR.
//
// The models send full packets without an end. A packet that is lost is sent
// again under a new number, so what arrives is what was delivered. They know
// acknowledgements of single packets, loss by three later ones or by a timeout,
// and pacing where the algorithm paces; they do not know delayed
// acknowledgements, HyStart or a limited receive window.
package rival
