package transfer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/store"
)

// maxScopes bounds the directories below its destination that a push prunes.
const maxScopes = 1000

// requestMore checks the options of a hello that few clients use, and cleans
// their paths.
func (x *serverSession) requestMore(d Direction) error {
	h := &x.hello
	bad := func(what string) error { return newError(CodeProtocol, "the client asks for "+what, nil) }
	switch {
	case h.Listed && (d != Pull || len(h.Paths) != 1):
		return bad("a list of anything but one source")
	case h.Synthetic != nil && (d != Pull || len(h.Paths) != 1):
		return bad("a synthetic source of anything but one name")
	case h.Discard && d != Push:
		return bad("something to be thrown away that it does not send")
	case h.Afterwards != "" && (d != Pull || !Afterwards(h.Afterwards).Valid() || h.DryRun || h.Synthetic != nil):
		return bad("an unknown end for its sources")
	case len(h.Backup) > maxBackup || strings.ContainsAny(h.Backup, "/\\\x00"):
		return bad("a backup suffix that is no end of a name")
	case len(h.Suffix) > maxBackup || strings.ContainsAny(h.Suffix, "/\\\x00"):
		return bad("a suffix that is no end of a name")
	case h.Delete != nil && (d != Push || h.Discard || len(h.Delete.Scopes) > maxScopes || h.Delete.Max < 0):
		return bad("a deletion that cannot be")
	}
	for _, a := range h.Preserve {
		if !Attribute(a).Valid() {
			return bad(fmt.Sprintf("an unknown attribute, %.20q", a))
		}
		x.preserve = append(x.preserve, Attribute(a))
	}
	if h.Filter != nil {
		var err error
		if x.filter, err = filter.New(*h.Filter); err != nil {
			return newError(CodeInvalid, err.Error(), nil)
		}
	}
	if h.Delete != nil {
		for i, s := range h.Delete.Scopes {
			if s == "" {
				continue
			}
			c, err := store.Clean(s)
			if err != nil {
				return newError(CodePath, err.Error(), nil)
			}
			h.Delete.Scopes[i] = c
		}
	}
	if h.Afterwards == string(AfterMove) {
		c, err := store.Clean(h.MoveTo)
		if err != nil {
			return newError(CodePath, err.Error(), nil)
		}
		h.MoveTo = c
	}
	return nil
}

// checkMore holds these options against the grant.
func (x *serverSession) checkMore(d Direction) error {
	g, h := &x.grant, &x.hello
	if !g.Delete && (h.Delete != nil || h.Afterwards != "") {
		return newError(CodeUnauthorized, "the credential is not for deleting: leave out what removes files at the node", nil)
	}
	if h.Afterwards == string(AfterMove) {
		if len(g.Directions) > 0 && !slices.Contains(g.Directions, Push) || !under(h.MoveTo, g.Paths) {
			return newError(CodeUnauthorized, fmt.Sprintf("the credential is not for writing to %q, where sources were to be moved", h.MoveTo), nil)
		}
	}
	if d != Push {
		return nil
	}
	for _, a := range x.preserve {
		if a != KeepAccessTimes && !slices.Contains(g.Preserve, a) {
			return newError(CodeUnauthorized, fmt.Sprintf("the node does not let this credential set %s: leave it out of what is preserved", a), nil)
		}
	}
	return nil
}

// afterwards is what becomes of a pull's sources.
func (x *serverSession) afterwards(tree *store.Tree) *afterwards {
	to := x.hello.MoveTo
	a := &afterwards{act: removeSource, prune: x.hello.EmptyDirs}
	if Afterwards(x.hello.Afterwards) == AfterMove {
		a.act = func(f *sourceFile, name string) error { return tree.MoveFile(f.entry, path.Join(to, name)) }
	}
	a.failed = func(path string, code Code, message string) {
		_ = x.ctl.sendJSON(control.TypeTrouble, control.Trouble{Path: path, Code: string(code), Message: message, Kept: true})
	}
	return a
}
