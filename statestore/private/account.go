package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as.
type account struct {
	name     string
	uid, gid uint32
	dropped  bool // not our own: the child changes to it
}

// serverAccount chooses: ourselves, or somebody harmless when we are root.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
		if err != nil {
			return account{}, fmt.Errorf("the manager runs as uid %d, which has no entry in /etc/passwd; "+
				"Postgres needs one: run as a known user, as root, or give --database-url", os.Geteuid())
		}
		return parseAccount(u, false)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil && u.Uid != "0" {
			return parseAccount(u, true)
		}
	}
	return account{}, errors.New("the manager runs as root, Postgres must not, and there is neither a user postgres nor nobody: " +
		"add one (useradd --system postgres), run as another user, or give --database-url")
}

func parseAccount(u *user.User, dropped bool) (account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("uid of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("gid of %s: %w", u.Username, err)
	}
	return account{name: u.Username, uid: uint32(uid), gid: uint32(gid), dropped: dropped}, nil
}

// reaches tells whether the account may walk through path and all directories
// above it. Parts that do not exist yet are not in the way.
func (a account) reaches(path string) bool {
	if !a.dropped {
		return true
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil, info.IsDir() && !a.mayEnter(info):
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (a account) mayEnter(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	switch {
	case st.Uid == a.uid:
		return info.Mode()&0o100 != 0
	case st.Gid == a.gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}

// own makes path the account's.
func (a account) own(path string) error {
	if !a.dropped {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// attributes are those of every child: its own process group, so that a
// Ctrl-C meant for the manager does not reach it first, and a clean shutdown
// when the manager dies.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if a.dropped {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
