package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// here reports whether a manager runs on this machine, as its address says.
func here(manager string) bool {
	u, err := url.Parse(manager)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// doubts says why nodes on this machine could not serve a directory, whatever
// account they run as; "" when nothing speaks against it. Nodes make the directory
// when only itself is missing.
func doubts(dir string) string {
	if !filepath.IsAbs(dir) {
		return "" // the manager refuses it
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return dir + " is no directory here"
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(strings.TrimRight(dir, "/"))
		if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
			return fmt.Sprintf("there is neither %s nor %s here", dir, parent)
		}
	}
	return ""
}
