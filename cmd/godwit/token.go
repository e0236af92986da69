package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newTokenCommand(a *app) *cobra.Command {
	type tokenRow struct {
		ref
		Role      string     `json:"role"`
		Scopes    []string   `json:"scopes"`
		Owner     string     `json:"owner"`
		LastUsed  *time.Time `json:"last_used_at,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
		Token     string     `json:"token,omitempty"`
	}
	when := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	head := []string{"ID", "NAME", "ROLE", "SCOPES", "OWNER", "LAST USED", "ENDS"}
	cells := func(r tokenRow) []string {
		return []string{r.ID, r.Name, r.Role, orDash(strings.Join(r.Scopes, " ")), orDash(r.Owner), when(r.LastUsed), when(r.ExpiresAt)}
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
	var role, user string
	var fromStdin bool
	expires := span{least: time.Minute}
	var scopes []string
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token for a program; printed once", Args: cobra.ExactArgs(1),
		Long: `create makes an API token with at most your role. Only a person makes tokens, so
it asks for user and password, whatever the profile holds.

  godwit token create ci --role operator --user ada`,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := loadProfile(a.profile)
			if err != nil {
				return err
			}
			if user == "" {
				if user, err = a.ask(c.Context(), "User: "); err != nil {
					return err
				}
			}
			password, err := a.secret(c.Context(), "Password of "+user+": ", fromStdin)
			if err != nil {
				return err
			}
			person, _, end, err := signIn(c.Context(), p.Manager, user, password)
			if err != nil {
				return err
			}
			defer end()
			body := map[string]any{"name": args[0], "role": role}
			if len(scopes) > 0 {
				body["scopes"] = scopes
			}
			if expires.Duration > 0 {
				body["expires_in_s"] = int64(expires.Seconds())
			}
			var made tokenRow
			if _, err := person.Do(c.Context(), http.MethodPost, at("api-tokens"), body, &made); err != nil {
				return err
			}
			return a.print(made, func(t *table) {
				t.row(head...)
				t.row(cells(made)...)
				t.row("")
				t.row("token (shown this once): " + made.Token)
			})
		},
	}
	create.Flags().StringVar(&role, "role", "viewer", "viewer, operator or admin; at most your own")
	create.Flags().StringVar(&user, "user", "", "who makes it")
	create.Flags().BoolVar(&fromStdin, "secret-stdin", false, "read the password from stdin instead of asking")
	create.Flags().StringSliceVar(&scopes, "scope", nil, "narrow it below its role, such as nodes:read or transfers:write (default: all that the role may)")
	create.Flags().Var(&expires, "expires-in", "how long it lasts, such as 720h (default: until deleted)")
	remove := &cobra.Command{
		Use: "delete TOKEN", Short: "Delete a token, by name or id; it stops working at once", Args: cobra.ExactArgs(1), ValidArgsFunction: a.names("/api/v1/api-tokens"),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("api-tokens", args[0]), nil, say("token %s deleted", args[0]))
		},
	}
	return group("token", "API tokens for programs", list, create, remove)
}
