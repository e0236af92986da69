package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
)

// linkRow is a link in a node configuration.
type linkRow struct {
	Name       string   `json:"name"`
	InMbps     float64  `json:"in_mbps"`
	OutMbps    float64  `json:"out_mbps"`
	AccessKeys []string `json:"access_keys"`
	Default    bool     `json:"default"`
}

// linkPart is a direction of a link, whole or on one node.
type linkPart struct {
	CapacityBps int64 `json:"capacity_bps"`
	ShareBps    int64 `json:"share_bps"`
	RateBps     int64 `json:"rate_bps"`
	Sessions    int   `json:"sessions"`
}

// linkStatus is a link and how it is divided.
type linkStatus struct {
	Name       string    `json:"name"`
	AccessKeys []string  `json:"access_keys"`
	Default    bool      `json:"default"`
	In         *linkPart `json:"in"`
	Out        *linkPart `json:"out"`
	Nodes      []struct {
		Name string    `json:"name"`
		In   *linkPart `json:"in"`
		Out  *linkPart `json:"out"`
	} `json:"nodes"`
}

// members says whose sessions are on a link.
func (l linkStatus) members() string {
	who := strings.Join(l.AccessKeys, ",")
	switch {
	case l.Default && who != "":
		return who + ",others"
	case l.Default:
		return "others"
	}
	return orDash(who)
}

func drawLinks(t *table, l struct {
	Items    []linkStatus `json:"items"`
	Outdated []ref        `json:"outdated"`
}) {
	t.row("LINK", "WAY", "NODE", "MAY", "DOES", "SESSIONS", "FOR")
	for _, x := range l.Items {
		drawLink(t, x)
	}
	for _, n := range l.Outdated {
		t.line("node " + n.Name + " runs a release that knows no links: its sessions are not limited by them")
	}
}

func drawLink(t *table, l linkStatus) {
	row := func(way, node string, may int64, p *linkPart, who string) {
		t.row(l.Name, way, node, rate(may), rate(p.RateBps), strconv.Itoa(p.Sessions), who)
	}
	for _, way := range []struct {
		name string
		all  *linkPart
		in   bool
	}{{"in", l.In, true}, {"out", l.Out, false}} {
		if way.all == nil {
			continue
		}
		row(way.name, "all", way.all.CapacityBps, way.all, l.members())
		for _, n := range l.Nodes {
			p := n.Out
			if way.in {
				p = n.In
			}
			if p != nil {
				row(way.name, n.Name, p.ShareBps, p, "")
			}
		}
	}
}

func newLinkCommand(a *app) *cobra.Command {
	names := a.clusters()
	list := &cobra.Command{
		Use: "list CLUSTER", Aliases: []string{"ls"}, Short: "Show links and how they are divided among nodes now", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		Long: `list shows what all nodes together may let through of each link, and what each node
may and does. What nodes without sessions leave is given to the others.`,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("clusters", args[0], "links"), nil, drawLinks)
		},
	}
	var in, out bitRate
	var keys []string
	var usual bool
	set := &cobra.Command{
		Use: "set CLUSTER LINK [--in RATE] [--out RATE] [--key KEY...] [--default]", Short: "Make a link, or change it while sessions run",
		Args: cobra.ExactArgs(2), ValidArgsFunction: a.linkNames(),
		Long: `set makes a virtual link: bandwidth that sessions on all nodes of a cluster share.
Sessions of the access keys that it names are on it; those of keys that no link names
are on the default one, if there is one. What is not given stays as it is; 0 lifts a
limit. Running sessions follow within seconds.

  godwit link set studio uplink --in 500M --out 500M --default
  godwit link set studio partners --out 80M --key acme --key blue
  godwit link set studio uplink --out 300M`,
		RunE: func(c *cobra.Command, args []string) error {
			given := c.Flags().Changed
			if !given("in") && !given("out") && !given("key") && !given("default") {
				return usagef("nothing to change: give --in, --out, --key or --default")
			}
			return a.editLinks(c.Context(), args[0], func(links []linkRow) ([]linkRow, error) {
				i := slices.IndexFunc(links, func(l linkRow) bool { return l.Name == args[1] })
				if i < 0 {
					i, links = len(links), append(links, linkRow{Name: args[1], AccessKeys: []string{}})
				}
				l := &links[i]
				if given("in") {
					l.InMbps = float64(in) / 1e6
				}
				if given("out") {
					l.OutMbps = float64(out) / 1e6
				}
				if given("default") {
					l.Default = usual
				}
				if given("key") {
					ids, err := a.keyIDs(c.Context(), keys)
					if err != nil {
						return nil, err
					}
					l.AccessKeys = ids
				}
				return links, nil
			})
		},
	}
	set.Flags().Var(&in, "in", "what all nodes together receive at most; 0: no limit")
	set.Flags().Var(&out, "out", "what all nodes together send at most; 0: no limit")
	set.Flags().StringSliceVar(&keys, "key", nil, "access keys whose sessions are on it, by id or name, in place of those before; '' for none")
	set.Flags().BoolVar(&usual, "default", false, "also sessions of access keys that no link names")
	_ = set.RegisterFlagCompletionFunc("key", func(c *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		return a.ids("/api/v1/access-keys")(c, nil, start)
	})
	remove := &cobra.Command{
		Use: "delete CLUSTER LINK", Short: "Delete a link; its sessions go on without it", Args: cobra.ExactArgs(2), ValidArgsFunction: a.linkNames(),
		RunE: func(c *cobra.Command, args []string) error {
			return a.editLinks(c.Context(), args[0], func(links []linkRow) ([]linkRow, error) {
				left := slices.DeleteFunc(slices.Clone(links), func(l linkRow) bool { return l.Name == args[1] })
				if len(left) == len(links) {
					return nil, usagef("cluster %s has no link %q; see godwit link list %s", args[0], args[1], args[0])
				}
				return left, nil
			})
		},
	}
	return group("link", "Limit what sessions on all nodes of a cluster use together", list, set, remove)
}

// editLinks changes the links of the configuration that is in force now.
func (a *app) editLinks(ctx context.Context, cluster string, change func([]linkRow) ([]linkRow, error)) error {
	c, _, err := a.api()
	if err != nil {
		return err
	}
	path := at("clusters", cluster, "configuration")
	var now struct {
		Configuration struct {
			Links []linkRow `json:"links"`
		} `json:"configuration"`
	}
	seen, err := c.Do(ctx, http.MethodGet, path, nil, &now)
	if err != nil {
		return err
	}
	links, err := change(now.Configuration.Links)
	if err != nil {
		return err
	}
	return call(ctx, a, http.MethodPatch, path, map[string]any{"links": links}, func(t *table, v configVersion) {
		var doc struct {
			Links json.RawMessage `json:"links"`
		}
		_ = json.Unmarshal(v.Configuration, &doc) // the manager's own
		t.row("FIELD", "VALUE")
		t.row("links", string(doc.Links))
		t.row("(version)", strconv.FormatInt(v.Version, 10))
	}, client.Header{Name: "If-Match", Value: seen.Get("ETag")})
}

// keyIDs finds access keys by id or name.
func (a *app) keyIDs(ctx context.Context, wanted []string) ([]string, error) {
	ids := []string{}
	if len(wanted) == 1 && wanted[0] == "" {
		return ids, nil
	}
	items, err := a.list(ctx, "/api/v1/access-keys", url.Values{}, 10000)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, raw := range items {
		var k keyRow
		if err := json.Unmarshal(raw, &k); err != nil {
			return nil, err
		}
		of[k.ID] = k.ID
		if k.State != "revoked" || of[k.Name] == "" { // a name may be taken again
			of[k.Name] = k.ID
		}
	}
	for _, w := range wanted {
		if of[w] == "" {
			return nil, usagef("there is no access key %q; see godwit key list", w)
		}
		ids = append(ids, of[w])
	}
	return ids, nil
}

// linkNames completes a cluster, then one of its links.
func (a *app) linkNames() cobra.CompletionFunc {
	clusters := a.clusters()
	return func(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return clusters(c, args, start)
		}
		cl, _, err := a.api()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var l struct {
			Items []linkStatus `json:"items"`
		}
		if _, err := cl.Do(c.Context(), http.MethodGet, at("clusters", args[0], "links"), nil, &l); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, x := range l.Items {
			names = append(names, x.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
