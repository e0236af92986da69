package transfer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/store"
)

// maxList bounds one page: so many entries fit one control frame.
const maxList = 1000

// List returns what is in directory path of the node, sorted by name. path is
// relative to the root of the grant; one that is a file is listed as itself.
// more says that another page follows.
func (c *Client) List(ctx context.Context, spec Spec, path string, o ListOptions) (entries []Entry, more bool, err error) {
	if err := spec.Validate(); err != nil {
		return nil, false, newError(CodeInvalid, err.Error(), nil)
	}
	if o.Limit <= 0 || o.Limit > maxList {
		o.Limit = maxList
	}
	// The answer to a list is entries instead of accept.
	page, err := c.list(ctx, spec, control.Hello{
		Direction: string(List), Paths: []string{remote(path)}, After: o.After, Limit: o.Limit,
	})
	if err != nil {
		return nil, false, err
	}
	for _, e := range page.Entries {
		entries = append(entries, Entry{
			Path: e.Name, Type: e.Type, Size: e.Size, ModTime: time.Unix(0, e.Time), Mode: e.Mode, Target: e.Target,
		})
	}
	return entries, page.More, nil
}

func (c *Client) list(ctx context.Context, spec Spec, hello control.Hello) (control.Entries, error) {
	o, err := c.open(ctx, spec, hello, manner{})
	if err != nil {
		return control.Entries{}, err
	}
	defer o.ctl.abort()
	stop := context.AfterFunc(ctx, func() { _ = o.link.Close() })
	defer stop()
	for {
		t, body, err := o.ctl.nextWithin(DeadPeer)
		if err != nil {
			return control.Entries{}, newError(CodeLost, "the node hung up before it answered", err)
		}
		switch t {
		case control.TypePing:
		case control.TypeEntries:
			var page control.Entries
			if err := control.ParseJSON(body, &page); err != nil {
				return page, newError(CodeProtocol, "the node broke the protocol", err)
			}
			return page, nil
		case control.TypeClose:
			var cl control.Close
			if err := control.ParseJSON(body, &cl); err != nil {
				return control.Entries{}, newError(CodeProtocol, "the node broke the protocol", err)
			}
			return control.Entries{}, peerError(cl)
		default:
			return control.Entries{}, newError(CodeProtocol, "the node broke the protocol", errUnexpected)
		}
	}
}

// list answers a List hello: an accept, then one page.
func (x *serverSession) list() error {
	tree, err := x.openTree()
	if err != nil {
		return err
	}
	defer func() { _ = tree.Close() }()
	limit := x.hello.Limit
	if limit <= 0 || limit > maxList {
		limit = maxList
	}
	entries, more, err := tree.List(x.status.Paths[0], x.hello.After, limit)
	if err != nil {
		return newError(storeCode(err), fmt.Sprintf("cannot list %s", x.status.Paths[0]), cause(err))
	}
	page := control.Entries{More: more}
	for _, e := range entries {
		name := e.Path[strings.LastIndexByte(e.Path, '/')+1:]
		page.Entries = append(page.Entries, control.ListEntry{
			Name: name, Type: typeName(e.Kind), Size: e.Size, Time: e.Mtime, Mode: uint32(e.Mode.Perm()), Target: e.Target,
		})
	}
	if err := x.ctl.sendJSON(control.TypeAccept, control.Accept{Version: control.Version, SessionID: x.status.ID}); err != nil {
		return err
	}
	// A page whose names are very long is cut: the rest comes with the next.
	for {
		err := x.ctl.sendJSON(control.TypeEntries, page)
		if err == nil || len(page.Entries) < 2 {
			return err
		}
		page.Entries, page.More = page.Entries[:len(page.Entries)/2], true
	}
}

func typeName(k store.Kind) string {
	switch k {
	case store.KindFile:
		return "file"
	case store.KindDir:
		return "dir"
	case store.KindSymlink:
		return "symlink"
	default:
		return "special"
	}
}
