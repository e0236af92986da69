// Package attached launches nodes on machines that are already there: hosts of
// one's own, containers of a compose file. Nothing can be created; what a
// template holds is a set of slots, and in each waits a machine that runs
// godwit-node attach. Launch takes a free slot and hands its machine the
// bootstrap document; Terminate gives the slot back: the node ends, its keys are
// wiped, the machine waits again. When no slot is free, Launch says Capacity.
//
// The hand-over is a directory that both sides reach, described in package
// internal/slot. Why a directory and not an enrolment over HTTPS: an enrolment
// needs a second secret on every machine (the invitation) that must be stored,
// rotated and revoked, an endpoint that strangers can reach before they are
// anybody, and rows that say who waits. A volume or mount is access control that
// the operator has already, the manager opens no port for it, and what is handed
// over stays what every other provider hands over: a token that serves once and
// only for the row that it was made for. The price is that the machines must
// share a file system with the manager, which containers and racks do; what
// doesn't, takes a cloud's provider.
//
// What a crash leaves:
//
//   - The manager dies between assignment and bootstrap: the instance is listed
//     as pending with its owner; the same token completes it, a sweep ends it.
//   - The manager dies after the bootstrap: the node joins; the next manager
//     finds it by List.
//   - The machine dies: its lock goes with it, the instance is stopped. Started
//     again it goes on as the same node, if the manager has not replaced it yet.
//   - The machine's disk is lost: the instance stays stopped until it is ended.
//
// Nodes outlive their manager without end: nobody but the operator, who started
// these machines, knows whether it comes back.
package attached
