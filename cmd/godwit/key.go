package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type keyRow struct {
	ref
	State   string `json:"state"`
	Storage struct {
		Type string `json:"type"`
		Path string `json:"path"`
	} `json:"storage"`
	Permissions []string  `json:"permissions"`
	Sessions    int       `json:"sessions"`
	RateBps     int64     `json:"rate_bps"`
	CreatedAt   time.Time `json:"created_at"`
	Secret      string    `json:"secret"`
	Login       string    `json:"login"`
}

var keyHead = []string{"ID", "NAME", "STATE", "STORAGE", "MAY", "SESSIONS", "RATE", "AGE"}

func (k keyRow) cells() []string {
	return []string{k.ID, k.Name, k.State, k.Storage.Type + ":" + k.Storage.Path, strings.Join(k.Permissions, ","),
		strconv.Itoa(k.Sessions), rate(k.RateBps), brief(time.Since(k.CreatedAt))}
}

// drawSecret shows a new key with its secret, which no other answer holds.
func drawSecret(t *table, k keyRow) {
	t.row(keyHead...)
	t.row(k.cells()...)
	t.row("")
	t.row("secret (shown this once): " + k.Secret)
	t.row("on the tenant's machine:  " + k.Login)
}

func newKeyCommand(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List access keys (tenants)", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/access-keys", url.Values{}, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, keyHead, keyRow.cells)
		},
	}
	var path string
	preserve := []string{}
	var maxRate bitRate
	var may []string
	create := &cobra.Command{
		Use: "create NAME --path DIR", Short: "Add a tenant; prints its secret once and the line that signs it in", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0], "storage": map[string]any{"type": "local", "path": path, "preserve": preserve}}
			if maxRate > 0 {
				body["limits"] = map[string]any{"max_rate_bps": int64(maxRate)}
			}
			if len(may) > 0 {
				body["permissions"] = may
			}
			if err := call(c.Context(), a, http.MethodPost, at("access-keys"), body, drawSecret); err != nil {
				return err
			}
			if _, p, err := a.api(); err == nil && here(p.Manager) {
				if why := doubts(path); why != "" {
					fmt.Fprintf(a.err, "godwit: note: %s; where nodes run on this machine, transfers with this key will fail\n", why)
				}
			}
			return nil
		},
	}
	create.Flags().StringVar(&path, "path", "", "directory of the tenant's files, seen by all nodes of the cluster")
	create.Flags().Var(&maxRate, "max-rate", "cap on the tenant's rate, bits per second")
	create.Flags().StringSliceVar(&may, "may", nil, "permissions: read, write, delete, list (default all)")
	create.Flags().StringSliceVar(&preserve, "preserve", preserve, "what copies may set there beyond times and modes: owners (nodes run as root), acls, xattrs")
	_ = create.MarkFlagRequired("path")

	var overlap span // none: the old secret ends at once
	rotate := &cobra.Command{
		Use: "rotate KEY", Short: "Give a tenant a new secret, by the key's name or id", Args: cobra.ExactArgs(1), ValidArgsFunction: a.ids("/api/v1/access-keys"),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("access-keys", args[0], "rotate"), map[string]any{"overlap_s": int64(overlap.Seconds())}, drawSecret)
		},
	}
	rotate.Flags().Var(&overlap, "overlap", "how long the old secret goes on working")
	revoke := &cobra.Command{
		Use: "revoke KEY", Short: "Take a tenant's access away, by the key's name or id; its running sessions end", Args: cobra.ExactArgs(1), ValidArgsFunction: a.ids("/api/v1/access-keys"),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("access-keys", args[0]), nil, say("access key %s revoked", args[0]))
		},
	}
	return group("key", "Access keys: who may move what", list, create, rotate, revoke)
}
