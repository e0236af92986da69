// Package provisioner is the contract between the cluster reconciler and
// whatever makes machines: a cloud, or the processes of this computer.
//
// A provider promises five things, and package providertest checks them for
// every implementation:
//
//   - Launching twice with one client token makes one instance.
//   - An instance carries its owner tag from the moment it exists, so that a
//     sweep by owner finds every instance, also one whose launch was never
//     recorded because the caller died.
//   - Instances are ended by id only, never by shrinking a group, so that the
//     caller and nobody else picks the victim.
//   - Every answer says what happened, one result per instance.
//   - Every failure belongs to one of the classes in errors.go, so that the
//     caller can act on it without knowing the vendor's codes.
package provisioner
