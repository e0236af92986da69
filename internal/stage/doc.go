// Package stage runs a real Godwit on one machine, driven only from outside:
// the manager and every copy are processes of their own, and the public API and
// the command line are the only ways in. The demo plays on it and the
// end-to-end tests do.
package stage
