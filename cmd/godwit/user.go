package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// timeOrDash shows a time of which there may be none.
func timeOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

type userRow struct {
	ref
	Role     string     `json:"role"`
	Disabled bool       `json:"disabled"`
	External bool       `json:"external"`
	LastSeen *time.Time `json:"last_seen_at"`
}

var userHead = []string{"ID", "NAME", "ROLE", "SIGNS IN", "LAST SEEN"}

func (u userRow) cells() []string {
	by := "with a password"
	if u.External {
		by = "by a provider"
	}
	if u.Disabled {
		by = "not: disabled"
	}
	return []string{u.ID, u.Name, u.Role, by, timeOrDash(u.LastSeen)}
}

func drawUser(t *table, u userRow) {
	t.row(userHead...)
	t.row(u.cells()...)
}

func newUserCommand(a *app) *cobra.Command {
	var role, search string
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List users", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			if role != "" {
				query.Set("role", role)
			}
			if search != "" {
				query.Set("q", search)
			}
			items, err := a.list(c.Context(), "/api/v1/users", query, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, userHead, userRow.cells)
		},
	}
	list.Flags().StringVar(&role, "role", "", "only viewer, operator or admin")
	list.Flags().StringVar(&search, "search", "", "in the name")
	get := &cobra.Command{
		Use: "get USER", Short: "Show a user", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("users", args[0]), nil, drawUser)
		},
	}
	disable := &cobra.Command{
		Use: "disable USER", Short: "End a user's sessions and let no more begin", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return amend(c.Context(), a, http.MethodPatch, at("users", args[0]), "", map[string]bool{"disabled": true}, drawUser)
		},
	}
	enable := &cobra.Command{
		Use: "enable USER", Short: "Let a disabled user sign in again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return amend(c.Context(), a, http.MethodPatch, at("users", args[0]), "", map[string]bool{"disabled": false}, drawUser)
		},
	}
	remove := &cobra.Command{
		Use: "delete USER", Short: "Remove a user with their sessions and tokens", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("users", args[0]), nil, say("user %s deleted", args[0]))
		},
	}
	return group("user", "People who sign in", list, get, newUserCreate(a), newUserSet(a), disable, enable, remove)
}

func newUserCreate(a *app) *cobra.Command {
	var role string
	var fromStdin bool
	c := &cobra.Command{
		Use: "create NAME", Short: "Add a user with a password", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			password, err := a.secret(c.Context(), "Password of "+args[0]+": ", fromStdin)
			if err != nil {
				return err
			}
			return call(c.Context(), a, http.MethodPost, at("users"), map[string]string{"name": args[0], "role": role, "password": password}, drawUser)
		},
	}
	c.Flags().StringVar(&role, "role", "viewer", "viewer, operator or admin")
	c.Flags().BoolVar(&fromStdin, "secret-stdin", false, "read the password from stdin instead of asking")
	return c
}

func newUserSet(a *app) *cobra.Command {
	var name, role string
	var password, fromStdin bool
	c := &cobra.Command{
		Use: "set USER", Short: "Change a user's name, role or password; a new password ends their sessions", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			change := map[string]string{}
			if name != "" {
				change["name"] = name
			}
			if role != "" {
				change["role"] = role
			}
			if password || fromStdin {
				text, err := a.secret(c.Context(), "New password of "+args[0]+": ", fromStdin)
				if err != nil {
					return err
				}
				change["password"] = text
			}
			if len(change) == 0 {
				return usagef("nothing to change: give --name, --role or --password")
			}
			return amend(c.Context(), a, http.MethodPatch, at("users", args[0]), "", change, drawUser)
		},
	}
	c.Flags().StringVar(&name, "name", "", "what they are called from now on; sessions and tokens go on")
	c.Flags().StringVar(&role, "role", "", "viewer, operator or admin")
	c.Flags().BoolVar(&password, "password", false, "ask for a new password")
	c.Flags().BoolVar(&fromStdin, "secret-stdin", false, "read the new password from stdin")
	return c
}

type sessionRow struct {
	ID        string    `json:"id"`
	User      ref       `json:"user"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Address   string    `json:"address"`
	Agent     string    `json:"agent"`
}

func newSessionCommand(a *app) *cobra.Command {
	var user string
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List who is signed in: yourself, or all for administrators", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			if user != "" {
				query.Set("user", user)
			}
			items, err := a.list(c.Context(), "/api/v1/sessions", query, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"ID", "USER", "SINCE", "LAST USED", "ENDS", "FROM", "WITH"}, func(s sessionRow) []string {
				return []string{s.ID, s.User.Name, s.CreatedAt.Local().Format(time.DateTime), s.LastUsed.Local().Format(time.DateTime),
					s.ExpiresAt.Local().Format(time.DateTime), orDash(s.Address), orDash(s.Agent)}
			})
		},
	}
	list.Flags().StringVar(&user, "user", "", "only this user's")
	end := &cobra.Command{
		Use: "end ID", Short: "Sign a session out", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("sessions", args[0]), nil, say("session %s ended", args[0]))
		},
	}
	return group("session", "Who is signed in", list, end)
}
