// Package migrations holds the schema of the state store as numbered pairs of
// SQL files for golang-migrate. Every step has a way back; a released step is
// never edited, a later one corrects it.
//
// Names are not qualified with a schema: the search_path decides where the
// tables live, so that tests can give each its own.
package migrations

import "embed"

// Files are the migration pairs, NNNN_name.up.sql and NNNN_name.down.sql.
//
//go:embed *.sql
var Files embed.FS

// Latest is the number of the newest step, the schema that this build works with.
const Latest = 6
