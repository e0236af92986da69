// Package migrations holds the schema of the state store as numbered pairs of
// SQL files for golang-migrate. Every step has a way back; a released step is
// never edited, a later one corrects it.
//
// Names are not qualified with a schema: the search_path decides where the
// tables live, so that tests can give each its own.
package migrations

import (
	"embed"
	"io/fs"
	"strconv"
)

// Files are the migration pairs, NNNN_name.up.sql and NNNN_name.down.sql.
//
//go:embed *.sql
var Files embed.FS

// Latest is the number of the newest step, the schema that this build works with.
var Latest = latest()

func latest() uint {
	steps := Steps()
	return steps[len(steps)-1]
}

// Steps are the numbers of all steps, in order. It panics on a name that has no
// number: the files are part of the build.
func Steps() []uint {
	names, err := fs.Glob(Files, "*.up.sql") // sorted
	if err != nil {
		panic(err)
	}
	steps := make([]uint, len(names))
	for i, name := range names {
		n, err := strconv.ParseUint(name[:4], 10, 32)
		if err != nil {
			panic(err)
		}
		steps[i] = uint(n)
	}
	return steps
}
