package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

type auditRow struct {
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	ActorName  string    `json:"actor_name"`
	Action     string    `json:"action"`
	Object     string    `json:"object"`
	ObjectID   string    `json:"object_id"`
	ObjectName string    `json:"object_name"`
	Address    string    `json:"address"`
}

// who is the actor as --actor takes it, and the name where that holds an id.
func (e auditRow) who() string {
	if e.ActorName == "" {
		return e.Actor
	}
	return e.Actor + " (" + e.ActorName + ")"
}

func newAuditCommand(a *app) *cobra.Command {
	filters := map[string]*string{}
	var limit int
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List what was changed and by whom, newest first", Args: cobra.NoArgs,
		Long: `list shows who changed what, with the names that things have now, or had last.
-o json holds what was before and after.

  godwit audit list --object policy --from 2026-01-01T00:00:00Z
  godwit audit list --actor user:ada --search max_nodes`,
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			for name, v := range filters {
				if *v != "" {
					query.Set(name, *v)
				}
			}
			items, err := a.list(c.Context(), "/api/v1/audit", query, limit)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"AT", "WHO", "DID", "TO", "NAME", "ID", "FROM"}, func(e auditRow) []string {
				return []string{e.At.Local().Format(time.DateTime), e.who(), e.Action, e.Object, orDash(e.ObjectName), orDash(e.ObjectID), orDash(e.Address)}
			})
		},
	}
	for _, f := range []struct{ flag, query, usage string }{
		{"actor", "actor", "who: user:NAME, by whatever means; token:NAME; key:ID"}, {"action", "action", "what was done, such as create"},
		{"object", "object", "kind of thing, such as cluster"}, {"id", "object_id", "id of the thing"},
		{"search", "q", "anywhere in the entry"}, {"from", "from", "not older than this (RFC 3339)"}, {"to", "to", "older than this (RFC 3339)"},
	} {
		filters[f.query] = list.Flags().String(f.flag, "", f.usage)
	}
	list.Flags().IntVar(&limit, "limit", 100, "most entries")
	return group("audit", "Who changed what", list)
}

func newSettingsCommand(a *app) *cobra.Command {
	draw := func(t *table, v map[string]json.RawMessage) {
		t.row("SETTING", "VALUE")
		for _, k := range sortedKeys(v) {
			t.row(k, string(v[k]))
		}
	}
	get := &cobra.Command{
		Use: "get", Short: "Show settings and the manager's facts", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return call(c.Context(), a, http.MethodGet, at("settings"), nil, draw)
		},
	}
	var file string
	change := &cobra.Command{
		Use: "set [FIELD=VALUE...]", Short: "Change settings", Args: cobra.ArbitraryArgs,
		Long: `set changes the settings that are given; the others stay.

  godwit settings set session_hours=8 password_min=14
  godwit settings set 'egress_allow=["10.20.0.0/16","mail.internal"]'
  godwit settings set 'retention={"audit_days":365}'`,
		RunE: func(c *cobra.Command, args []string) error {
			fields, err := a.fields(args, file)
			if err != nil {
				return err
			}
			return amend(c.Context(), a, http.MethodPatch, at("settings"), "", fields, draw)
		},
	}
	change.Flags().StringVarP(&file, "file", "f", "", "fields from a file (YAML or JSON; - is stdin)")
	return group("settings", "Settings of the whole installation", get, change)
}
