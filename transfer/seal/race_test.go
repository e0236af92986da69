//go:build race

package seal

// raceDetector: deriving a key from a passphrase takes a minute under it.
const raceDetector = true
