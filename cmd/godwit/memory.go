package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/godwit/godwit/transfer/pathbook"
)

// memoryEnv switches the memory of paths off where it is "off".
const memoryEnv = "GODWIT_PATH_MEMORY"

// memoryFlag defines the flag that switches the memory of paths off.
func memoryFlag(f *pflag.FlagSet, on *bool) {
	f.BoolVar(on, "path-memory", os.Getenv(memoryEnv) != "off", "remember for some hours what a path can do, and start faster the next time; "+memoryEnv+"=off sets another default")
}

// pathMemory is the memory of this account's transfers; nil: there is none. It is kept below
// os.UserCacheDir.
func pathMemory(on bool) *pathbook.Book {
	if !on {
		return nil
	}
	var file pathbook.File // in memory only, where there is no such directory
	if dir, err := os.UserCacheDir(); err == nil {
		file = pathbook.Disk(filepath.Join(dir, "godwit", "paths"))
	}
	return pathbook.New(time.Now, file, slog.Default())
}
