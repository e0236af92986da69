package transfer

import (
	"path"
	"strings"

	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/store"
)

// Attribute is something of a file that can be kept beyond its content, mode and
// time of modification. Where a node receives, its grant decides what may be set.
type Attribute string

// The attributes that can be kept.
const (
	KeepAccessTimes Attribute = "atimes" // times of access
	KeepOwners      Attribute = "owners" // user and group: by name where the receiver knows it, else by number
	KeepACLs        Attribute = "acls"   // POSIX access control lists (Linux)
	KeepXattrs      Attribute = "xattrs" // extended attributes of users: user.* (Linux)
)

// Attributes are all that there are.
func Attributes() []Attribute {
	return []Attribute{KeepAccessTimes, KeepOwners, KeepACLs, KeepXattrs}
}

// Valid reports whether a is a known attribute.
func (a Attribute) Valid() bool { return oneOf(a, Attributes()...) }

// Afterwards says what becomes of a source file once the receiver has it.
type Afterwards string

// What can become of a source file. It is done to files whose commit this job
// heard of, if they are still as they were sent; files that were skipped stay.
const (
	AfterKeep   Afterwards = ""       // it stays
	AfterRemove Afterwards = "remove" // it is removed
	AfterMove   Afterwards = "move"   // it is moved below Options.MoveTo
)

// Valid reports whether a is known.
func (a Afterwards) Valid() bool { return oneOf(a, AfterKeep, AfterRemove, AfterMove) }

const (
	defaultMaxDelete = 1000
	maxBackup        = 64 // bytes of a suffix
)

// validateForm checks what says where a job's bytes come from and go.
func (j Job) validateForm(bad func(string, ...any) error) error {
	sources := len(j.Sources)
	if j.Synthetic != nil {
		s := j.Synthetic
		switch {
		case sources > 0 || j.Input != nil || len(j.Pairs) > 0:
			return bad("a synthetic source stands alone")
		case s.Files < 1 || s.Size < 0:
			return bad("a synthetic source has at least one file, of at least no bytes")
		case j.Options.Afterwards != AfterKeep:
			return bad("a synthetic source can be neither removed nor moved")
		}
	}
	stream := j.Input != nil || j.Grow > 0
	switch {
	case j.Input != nil && (sources > 0 || j.Direction != Push):
		return bad("an input stream is the only source of a push")
	case j.Grow > 0 && (j.Input != nil || sources != 1 || j.Direction != Push):
		return bad("a growing file is the only source of a push")
	case stream && (j.Options.DryRun || j.Options.Delete || j.Options.Afterwards != AfterKeep || len(j.Pairs) > 0):
		return bad("a stream can only be sent: no dry run, delete, list, or removal of sources")
	case j.Input != nil && (j.Destination == "" || strings.HasSuffix(j.Destination, "/")):
		return bad("a stream has no name of its own: give the file's name at the destination")
	case j.Output != nil && (j.Direction != Pull || sources != 1 || strings.HasSuffix(j.Sources[0], "/") || len(j.Pairs) > 0):
		return bad("an output stream takes one file of a pull")
	case j.Output != nil && (j.Options.DryRun || j.Options.Delete || j.Options.Discard):
		return bad("an output stream goes with neither a dry run nor delete or discard")
	case j.Options.Seal != nil && stream:
		return bad("a stream is sent as it comes: what is encrypted is files (age can encrypt what it is fed with)")
	case j.Options.Seal != nil && (j.Direction != Push || j.Synthetic != nil):
		return bad("what is encrypted is files of a push")
	case len(j.Options.Unseal) > 0 && j.Output != nil:
		return bad("an output stream gets what is stored: what is decrypted is files (age can decrypt what comes out)")
	case len(j.Options.Unseal) > 0 && (j.Direction != Pull || j.Output != nil || j.Options.Discard || j.Synthetic != nil || j.Options.Delete):
		return bad("what is decrypted is files of a pull, without delete")
	case len(j.Pairs) > 0 && sources != 1:
		return bad("a list is of what is below one source")
	case len(j.Pairs) > 0 && j.Options.Delete:
		return bad("a list says nothing of what is not in it: delete needs whole directories")
	}
	return checkPairs(j.Pairs)
}

// checkPairs refuses paths that cannot be, and two things for one place.
func checkPairs(pairs []Pair) error {
	at := make(map[string]string, len(pairs))
	for _, p := range pairs {
		from, to, err := p.clean()
		if err != nil {
			return err
		}
		if other, ok := at[to]; ok && other != from {
			return newError(CodeInvalid, "the list sends "+other+" and "+from+" to one place, "+to, nil)
		}
		at[to] = from
	}
	return nil
}

func (p Pair) clean() (from, to string, err error) {
	if from, err = store.Clean(p.Source); err != nil {
		return "", "", newError(CodePath, "list: "+err.Error(), nil)
	}
	if p.Destination == "" {
		return from, from, nil
	}
	if to, err = store.Clean(p.Destination); err != nil {
		return "", "", newError(CodePath, "list: "+err.Error(), nil)
	}
	return from, to, nil
}

// validateMore checks the options that few jobs use.
func (o Options) validateMore(bad func(string, ...any) error) error {
	if _, err := filter.New(o.Filter); err != nil {
		return bad("%v", err)
	}
	for _, a := range o.Preserve {
		if !a.Valid() {
			return bad("%q cannot be preserved: only atimes, owners, acls and xattrs", a)
		}
	}
	switch {
	case !o.Afterwards.Valid():
		return bad("afterwards %q is not remove or move", o.Afterwards)
	case o.Afterwards == AfterMove && o.MoveTo == "":
		return bad("moving sources away needs a directory to move them to")
	case o.Afterwards != AfterKeep && o.Symlinks == SymlinksFollow:
		return bad("what links lead to is sent, but not removed: copy or skip them")
	case o.EmptyDirs && o.Afterwards == AfterKeep:
		return bad("empty directories go only when their files do")
	case o.Discard && o.DryRun:
		return bad("a dry run sends nothing that could be thrown away")
	case o.Discard && (o.Delete || o.Afterwards != AfterKeep):
		return bad("what is thrown away on arrival is no reason to delete or remove anything")
	case len(o.Backup) > maxBackup || strings.ContainsAny(o.Backup, "/\\\x00"):
		return bad("backup suffix %q is no end of a file name", o.Backup)
	}
	return nil
}

// maxDelete is what Options.MaxDelete means; 0: no bound.
func (o Options) maxDelete() int64 {
	switch {
	case o.MaxDelete < 0:
		return 0
	case o.MaxDelete == 0:
		return defaultMaxDelete
	}
	return o.MaxDelete
}

// wants makes a filter a hook of a scan. base is the scanned source in its tree;
// "." for all of it.
func wants(f *filter.Filter, base string) func(*store.Entry) (yield, enter bool) {
	if f == nil {
		return nil
	}
	return func(e *store.Entry) (bool, bool) {
		p := e.Path
		switch {
		case base == ".":
		case p == base && e.Kind == store.KindDir:
			return true, true // the source itself is meant
		case p == base:
			p = path.Base(p)
		default:
			p = p[len(base)+1:]
		}
		return f.Wants(filter.Entry{Path: p, Dir: e.Kind == store.KindDir, File: e.Kind == store.KindFile, Size: e.Size, Mtime: e.Mtime})
	}
}
