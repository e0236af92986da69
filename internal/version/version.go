// Package version names the build. Every command prints it and every node
// reports it, so that an operator sees which release serves where.
package version

// Version is the release or commit; the linker sets it (see the Makefile).
var Version = "dev"
