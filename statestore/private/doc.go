// Package private runs a Postgres of the manager's own: a child process with
// its data in the manager's directory, reached only through a socket that only
// the manager's and the server's users may open, without a password and
// without a TCP port.
//
// # What lies where
//
//	DIR/postgres/            see Locate for when it is elsewhere
//	  manager.lock           held by the manager that runs the server; names its pid
//	  conf/                  pg_hba.conf and pg_ident.conf, written at each start
//	  data/                  the server's data directory
//	  run/                   the socket; under a short name elsewhere when the path is too long
//	  server.log             and server.log.1
//
// # Promises
//
//   - Postgres refuses to run as root: a root manager drops the child to the
//     user postgres, else nobody.
//   - The server never outlives the manager, not even one killed with -9: the
//     kernel then sends it SIGINT, on which it shuts down cleanly.
//   - A server that dies is started again, with growing pauses. What a killed
//     one leaves behind (postmaster.pid, orphaned processes) is cleared, once it
//     is certain that nothing uses the data.
//   - Data is never changed for the convenience of a version: binaries of the
//     version that made the data are found, or Start refuses. A new data
//     directory is made aside and renamed, so a half-made one is never used.
//   - One manager per directory: another one is refused, with the pid of the first.
//
// Linux only: it relies on /proc, flock and the parent-death signal.
package private
