package private

import "log/slog"

// Config says where the private server keeps its data and which binaries it uses.
type Config struct {
	// Dir is the manager's data directory; the server's is a directory within,
	// or elsewhere when the server's user could not reach it (see Locate).
	Dir string
	// BinDir has initdb and postgres; empty means the first found (see Find).
	BinDir string
	// ToolsDir is where `make tools` puts a fetched Postgres; empty means
	// .tools/pg below the working directory.
	ToolsDir string
	// Ephemeral trades durability for speed: no fsync. For tests alone.
	Ephemeral bool
	// MaxConnections bounds all clients together; 0 means 100.
	MaxConnections int
	Logger         *slog.Logger
}
