package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/detail"
)

// Attributes are what is kept of a file beyond content, mode and time of
// modification: a set.
type Attributes uint8

// The attributes.
const (
	KeepAtimes Attributes = 1 << iota // times of access
	KeepOwners                        // user and group
	KeepACLs                          // POSIX access control lists
	KeepXattrs                        // extended attributes in user.*
)

// Has reports whether all of b are in a.
func (a Attributes) Has(b Attributes) bool { return a&b == b }

// Names under which Linux keeps access control lists.
const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// travels reports whether the extended attribute name is one of a. Others, such
// as capabilities and labels of security modules, never leave or enter a tree.
func (a Attributes) travels(name string) bool {
	switch name {
	case aclAccess, aclDefault:
		return a.Has(KeepACLs)
	default:
		return a.Has(KeepXattrs) && strings.HasPrefix(name, "user.") && len(name) > len("user.")
	}
}

// Describe reads what keep asks for of the entry that a scan described.
func (t *Tree) Describe(e Entry, keep Attributes) (detail.Detail, error) {
	var d detail.Detail
	dir, base, err := cleanFile(e.Path)
	if err != nil {
		return d, err
	}
	if e.Kind == KindSymlink {
		err = t.within(dir, func(r *os.Root) error {
			fi, err := r.Lstat(base)
			if err == nil {
				t.describe(&d, fi, keep&KeepOwners)
			}
			return err
		})
		return d, t.explain(e.Path, 0, err)
	}
	f, err := t.openRead(e.Path)
	if err != nil {
		return d, t.explain(e.Path, 0, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return d, fmt.Errorf("attributes of %s: %w", e.Path, err)
	}
	t.describe(&d, fi, keep)
	if keep&(KeepACLs|KeepXattrs) != 0 {
		if d.Xattrs, err = readXattrs(f, keep); err != nil {
			return d, fmt.Errorf("extended attributes of %s: %w", e.Path, err)
		}
	}
	return d, nil
}

func (t *Tree) describe(d *detail.Detail, fi fs.FileInfo, keep Attributes) {
	uid, gid, atime, ok := statMore(fi)
	if !ok {
		return
	}
	if keep.Has(KeepOwners) {
		d.Owner = &detail.Owner{UID: uid, GID: gid, User: idNames.user(uid), Group: idNames.group(gid)}
	}
	if keep.Has(KeepAtimes) {
		d.Atime = atime
	}
}

// setMore gives the open file or directory f what m says beyond the usual. It
// comes after the mode, which would change an access control list.
func setMore(f *os.File, m Meta) error {
	if m.Detail == nil {
		return nil
	}
	for _, x := range m.Detail.Xattrs {
		if !m.Keep.travels(x.Name) {
			continue
		}
		if err := writeXattr(f, x.Name, x.Value); err != nil {
			return fmt.Errorf("set %s (leave it out with --preserve): %w", x.Name, err)
		}
	}
	return nil
}

// setOwner comes before the mode, since it takes set-id bits away.
func setOwner(m Meta, chown func(uid, gid int) error) error {
	if m.Detail == nil || m.Detail.Owner == nil || !m.Keep.Has(KeepOwners) {
		return nil
	}
	uid, gid := idNames.resolve(*m.Detail.Owner)
	if err := chown(uid, gid); err != nil {
		return fmt.Errorf("set owner %d:%d (leave it out with --preserve): %w", uid, gid, err)
	}
	return nil
}

// times are those that a file gets.
func (m Meta) times() (atime, mtime time.Time) {
	mtime = time.Unix(0, m.Mtime)
	if m.Detail != nil && m.Detail.Atime != 0 && m.Keep.Has(KeepAtimes) {
		return time.Unix(0, m.Detail.Atime), mtime
	}
	return mtime, mtime
}

// idCache caches what this machine calls users and groups.
type idCache struct {
	mu            sync.Mutex
	users, groups map[uint32]string
	userIDs, gIDs map[string]int
}

var idNames = &idCache{
	users: map[uint32]string{}, groups: map[uint32]string{}, userIDs: map[string]int{}, gIDs: map[string]int{},
}

func (n *idCache) user(id uint32) string {
	return cached(n, n.users, id, func() string {
		u, err := user.LookupId(strconv.FormatUint(uint64(id), 10))
		if err != nil {
			return ""
		}
		return u.Username
	})
}

func (n *idCache) group(id uint32) string {
	return cached(n, n.groups, id, func() string {
		g, err := user.LookupGroupId(strconv.FormatUint(uint64(id), 10))
		if err != nil {
			return ""
		}
		return g.Name
	})
}

// resolve finds the numbers of an owner here: by name, else those of its source.
func (n *idCache) resolve(o detail.Owner) (uid, gid int) {
	uid, gid = int(o.UID), int(o.GID)
	if o.User != "" {
		if id := cached(n, n.userIDs, o.User, func() int {
			if u, err := user.Lookup(o.User); err == nil {
				if id, err := strconv.Atoi(u.Uid); err == nil {
					return id
				}
			}
			return -1
		}); id >= 0 {
			uid = id
		}
	}
	if o.Group != "" {
		if id := cached(n, n.gIDs, o.Group, func() int {
			if g, err := user.LookupGroup(o.Group); err == nil {
				if id, err := strconv.Atoi(g.Gid); err == nil {
					return id
				}
			}
			return -1
		}); id >= 0 {
			gid = id
		}
	}
	return uid, gid
}

// maxCached bounds the cache against a peer that names ever new users.
const maxCached = 4096

func cached[K comparable, V any](n *idCache, m map[K]V, key K, find func() V) V {
	n.mu.Lock()
	defer n.mu.Unlock()
	if v, ok := m[key]; ok {
		return v
	}
	v := find()
	if len(m) >= maxCached {
		clear(m)
	}
	m[key] = v
	return v
}

// Holes finds the blocks of the file that hold nothing and were never written.
// The error is ErrChanged when the file is no longer the one that a scan
// described. Where the system does not tell, there are none.
func (t *Tree) Holes(e Entry, block int64) ([]detail.Run, error) {
	f, err := t.openRead(e.Path)
	if err != nil {
		return nil, t.explain(e.Path, 0, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("check source: %w", err)
	}
	if !e.sameState(fi) {
		return nil, changed(e, fi)
	}
	if !mayBeSparse(fi) {
		return nil, nil
	}
	var runs []detail.Run
	err = eachHole(f, e.Size, func(from, to int64) {
		first, end := (from+block-1)/block, to/block
		if to == e.Size {
			end = (to + block - 1) / block // the last block may be short
		}
		if end > first {
			runs = append(runs, detail.Run{First: first, Count: end - first})
		}
	})
	if err != nil {
		return nil, nil // a file system that cannot tell: all is data
	}
	return runs, nil
}

// setLink gives a symbolic link its owner and time.
func setLink(d *os.Root, name string, m Meta) error {
	err := setOwner(m, func(uid, gid int) error { return d.Lchown(name, uid, gid) })
	setLinkTime(d, name, time.Unix(0, m.Mtime))
	return err
}

// setDirMore is setOwner and setMore for a directory.
func setDirMore(d *os.Root, m Meta, mode func() error) error {
	if m.Detail == nil {
		return mode()
	}
	f, err := d.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(setOwner(m, f.Chown), mode(), setMore(f, m))
}
