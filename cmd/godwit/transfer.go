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

type transferRow struct {
	ref
	AccessKey string     `json:"access_key"`
	Cluster   ref        `json:"cluster"`
	Direction string     `json:"direction"`
	Paths     []string   `json:"paths"`
	State     string     `json:"state"`
	RateBps   int64      `json:"rate_bps"`
	RTT       float64    `json:"rtt_ms"`
	Loss      float64    `json:"loss"`
	Bytes     int64      `json:"bytes"`
	Total     int64      `json:"total_bytes"`
	Files     int64      `json:"files"`
	Nodes     []ref      `json:"nodes"`
	Moved     int        `json:"moved"`
	Error     string     `json:"error"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

var transferHead = []string{"ID", "TENANT", "DIRECTION", "STATE", "RATE", "BYTES", "FILES", "NODE", "MOVED", "STARTED"}

func (r transferRow) cells() []string {
	nodes := make([]string, len(r.Nodes))
	for i, n := range r.Nodes {
		nodes[i] = n.Name
	}
	return []string{r.ID, r.AccessKey, r.Direction, r.State, rate(r.RateBps), size(r.Bytes), strconv.FormatInt(r.Files, 10),
		orDash(strings.Join(nodes, ",")), strconv.Itoa(r.Moved), ago(r.CreatedAt)}
}

func drawTransfer(t *table, r transferRow) {
	t.row(transferHead...)
	t.row(r.cells()...)
	if r.Error != "" {
		t.row(r.Error)
	}
}

func newTransferCommand(a *app) *cobra.Command {
	var live bool
	var state, cluster string
	var limit int
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List transfers, live and past, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			if live {
				q.Set("live", "true")
			}
			for name, v := range map[string]string{"state": state, "cluster": cluster} {
				if v != "" {
					q.Set(name, v)
				}
			}
			items, err := a.list(c.Context(), "/api/v1/transfers", q, limit)
			if err != nil {
				return err
			}
			return printList(a, items, transferHead, transferRow.cells)
		},
	}
	list.Flags().BoolVar(&live, "live", false, "only those that run now")
	list.Flags().StringVar(&state, "state", "", "only this state: created, running, done, failed, cancelled, expired")
	list.Flags().StringVar(&cluster, "cluster", "", "only this cluster's")
	list.Flags().IntVar(&limit, "limit", 50, "how many to show")
	get := &cobra.Command{
		Use: "get ID", Short: "Show one transfer (-o json: with its sessions)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("transfers", args[0]), nil, drawTransfer)
		},
	}
	cancel := &cobra.Command{
		Use: "cancel ID", Short: "Stop a transfer for good", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("transfers", args[0], "cancel"), nil, drawTransfer)
		},
	}
	var target, floor bitRate
	var policy string
	set := &cobra.Command{
		Use: "set ID", Short: "Change a running transfer's rate or policy at once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if c.Flags().Changed("rate") {
				body["target_rate_bps"] = int64(target)
			}
			if c.Flags().Changed("min-rate") {
				body["min_rate_bps"] = int64(floor)
			}
			if policy != "" {
				body["policy"] = policy
			}
			if len(body) == 0 {
				return usagef("nothing to change: give --rate, --min-rate or --policy")
			}
			return call(c.Context(), a, http.MethodPatch, at("transfers", args[0]), body, drawTransfer)
		},
	}
	set.Flags().Var(&target, "rate", "target rate, bits per second; 0: no limit of its own")
	set.Flags().Var(&floor, "min-rate", "floor of the rate under congestion")
	set.Flags().StringVar(&policy, "policy", "", "fixed, high, fair or low")
	return group("transfer", "Watch and steer transfers", list, get, cancel, set)
}

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
	var maxRate bitRate
	var may []string
	create := &cobra.Command{
		Use: "create NAME --path DIR", Short: "Add a tenant; prints its secret once and the line that signs it in", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0], "storage": map[string]string{"type": "local", "path": path}}
			if maxRate > 0 {
				body["limits"] = map[string]any{"max_rate_bps": int64(maxRate)}
			}
			if len(may) > 0 {
				body["permissions"] = may
			}
			return call(c.Context(), a, http.MethodPost, at("access-keys"), body, drawSecret)
		},
	}
	create.Flags().StringVar(&path, "path", "", "directory of the tenant's files, seen by all nodes of the cluster")
	create.Flags().Var(&maxRate, "max-rate", "cap on the tenant's rate, bits per second")
	create.Flags().StringSliceVar(&may, "may", nil, "permissions: read, write, delete, list (default all)")
	_ = create.MarkFlagRequired("path")

	var overlap time.Duration
	rotate := &cobra.Command{
		Use: "rotate ID", Short: "Give a tenant a new secret", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("access-keys", args[0], "rotate"), map[string]any{"overlap_s": int64(overlap.Seconds())}, drawSecret)
		},
	}
	rotate.Flags().DurationVar(&overlap, "overlap", 0, "how long the old secret goes on working")
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Take a tenant's access away; its running sessions end", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("access-keys", args[0]), nil, say("access key %s revoked", args[0]))
		},
	}
	return group("key", "Access keys: who may move what", list, create, rotate, revoke)
}

func newTokenCommand(a *app) *cobra.Command {
	type tokenRow struct {
		ref
		Role      string     `json:"role"`
		Owner     string     `json:"owner"`
		LastUsed  *time.Time `json:"last_used_at"`
		ExpiresAt *time.Time `json:"expires_at"`
		Token     string     `json:"token"`
	}
	when := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	head := []string{"ID", "NAME", "ROLE", "OWNER", "LAST USED", "ENDS"}
	cells := func(r tokenRow) []string {
		return []string{r.ID, r.Name, r.Role, orDash(r.Owner), when(r.LastUsed), when(r.ExpiresAt)}
	}
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List API tokens", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/api-tokens", url.Values{}, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, head, cells)
		},
	}
	var role string
	var expires time.Duration
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token for a program; printed once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0], "role": role}
			if expires > 0 {
				body["expires_in_s"] = int64(expires.Seconds())
			}
			return call(c.Context(), a, http.MethodPost, at("api-tokens"), body, func(t *table, r tokenRow) {
				t.row(head...)
				t.row(cells(r)...)
				t.row("")
				t.row(fmt.Sprintf("token (shown this once): %s", r.Token))
			})
		},
	}
	create.Flags().StringVar(&role, "role", "viewer", "viewer, operator or admin; at most your own")
	create.Flags().DurationVar(&expires, "expires-in", 0, "how long it lasts (default: until deleted)")
	remove := &cobra.Command{
		Use: "delete ID", Short: "Delete a token; it stops working at once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("api-tokens", args[0]), nil, say("token %s deleted", args[0]))
		},
	}
	return group("token", "API tokens for programs", list, create, remove)
}
