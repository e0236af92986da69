package transfer

import (
	"context"
)

// List returns what is in directory path of the node, sorted by name. path is
// relative to the root of the grant. more says that another page follows.
func (c *Client) List(ctx context.Context, spec Spec, path string, o ListOptions) (entries []Entry, more bool, err error) {
	conn, err := dial(ctx, spec, c.RootCAs)
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	return nil, false, newError(CodeInternal, "listing is not built yet", nil)
}
