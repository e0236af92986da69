package main

import (
	"cmp"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/transfer"
)

func newList(a *app) *cobra.Command {
	var key string
	var ssh sshFlags
	c := &cobra.Command{
		Use:   "ls CLUSTER:[PATH]",
		Short: "List files in a cluster",
		Long: `ls lists a directory of a tenant's storage, as its access key may see it.

  godwit ls studio:/incoming
  godwit ls studio:
  godwit ls ada@host:in
  godwit ls -o json godwit://0KEY…@192.0.2.7:33001/incoming`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.locations(),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := parseLocation(args[0])
			if err != nil {
				return err
			}
			if !l.remote {
				return usagef("%s is local: write CLUSTER:PATH", l.raw)
			}
			if err := cmp.Or(refuseEmpty(c.Flags()), checkPlace(c.Flags(), l)); err != nil {
				return err
			}
			from, err := a.specSource(l, transfer.Job{Direction: transfer.List, Sources: []string{l.path}}, &copyFlags{key: key, ssh: ssh})
			if err != nil {
				return err
			}
			spec, err := from.next(c.Context(), transfer.Attempt{Number: 1})
			if err != nil {
				return err
			}
			client := &transfer.Client{Key: from.key, Dial: from.dial}
			entries := []transfer.Entry{}
			for more, after := true, ""; more; {
				var page []transfer.Entry
				if page, more, err = client.List(c.Context(), spec, l.path, transfer.ListOptions{After: after}); err != nil {
					return err
				}
				entries = append(entries, page...)
				if len(page) == 0 {
					break
				}
				after = page[len(page)-1].Path
			}
			return a.print(entries, func(t *table) {
				for _, e := range entries {
					name := path.Base(e.Path)
					switch e.Type {
					case "dir":
						name += "/"
					case "symlink":
						name += " -> " + e.Target
					case "part":
						name += "  (unfinished)"
					}
					t.row(size(e.Size), e.ModTime.Local().Format(time.DateTime), name)
				}
			})
		},
	}
	ssh.add(c.Flags())
	c.Flags().StringVar(&key, "key", "", "access key to list for, when signed in as an operator")
	return c
}
