//go:build race

package main

// raceDetector: deriving a key from a passphrase takes a minute under it.
const raceDetector = true
