package main

import (
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type notificationRow struct {
	ref
	Kind   string `json:"kind"`
	Target struct {
		URL  string   `json:"url"`
		Host string   `json:"host"`
		To   []string `json:"to"`
	} `json:"target"`
	State     string `json:"state"`
	Waiting   int    `json:"waiting"`
	Failed    int    `json:"failed"`
	LastError string `json:"last_error"`
	Secret    string `json:"secret"`
}

var notificationHead = []string{"NAME", "KIND", "TO", "STATE", "WAITING", "FAILED", "LAST ERROR"}

func (n notificationRow) cells() []string {
	to := n.Target.URL
	if to == "" {
		to = strings.Join(n.Target.To, ", ")
	}
	return []string{n.Name, n.Kind, orDash(to), n.State, strconv.Itoa(n.Waiting), strconv.Itoa(n.Failed), orDash(n.LastError)}
}

func drawNotification(t *table, n notificationRow) {
	t.row(notificationHead...)
	t.row(n.cells()...)
	if n.Secret != "" {
		t.row("Key of the signatures, shown this once: " + n.Secret)
	}
}

// notificationFlags are what create and set have in common.
type notificationFlags struct {
	url, host, security, username, from string
	to, events, kinds, clusters         []string
	port, after                         int
	passwordFile                        string
}

func (f *notificationFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.url, "url", "", "webhook: https://host/path")
	s.StringVar(&f.host, "host", "", "e-mail: the mail server")
	s.IntVar(&f.port, "port", 0, "e-mail: its port; 0: the usual one")
	s.StringVar(&f.security, "security", "starttls", "e-mail: starttls, tls or none")
	s.StringVar(&f.username, "username", "", "e-mail: account at the mail server")
	s.StringVar(&f.passwordFile, "password-file", "", "e-mail: file that holds the account's password")
	s.StringVar(&f.from, "from", "", "e-mail: sender")
	s.StringSliceVar(&f.to, "to", nil, "e-mail: receivers")
	s.StringSliceVar(&f.events, "event", nil, "opened, closed; default: both")
	s.StringSliceVar(&f.kinds, "kind", nil, "kinds of conditions; default: all")
	s.StringSliceVar(&f.clusters, "cluster", nil, "clusters; default: all")
	s.IntVar(&f.after, "after", 0, "tell a condition once it has lasted so many seconds")
}

func (f *notificationFlags) body(name string) (map[string]any, error) {
	kind, target := "webhook", map[string]any{"url": f.url}
	if f.url == "" {
		kind, target = "email", map[string]any{"host": f.host, "port": f.port, "security": f.security, "from": f.from, "to": f.to}
		if f.username != "" {
			target["username"] = f.username
		}
	}
	body := map[string]any{"name": name, "kind": kind, "target": target}
	filter := map[string]any{"after_s": f.after}
	for field, list := range map[string][]string{"events": f.events, "kinds": f.kinds, "clusters": f.clusters} {
		if len(list) > 0 {
			filter[field] = list
		}
	}
	body["filter"] = filter
	if f.passwordFile != "" {
		b, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return nil, usageError{err}
		}
		body["secret"] = strings.TrimRight(string(b), "\r\n")
	}
	return body, nil
}

func newNotificationCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/notifications")
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List where conditions are told", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/notifications", url.Values{}, 1000)
			if err != nil {
				return err
			}
			return printList(a, items, notificationHead, notificationRow.cells)
		},
	}
	get := &cobra.Command{
		Use: "get NAME", Short: "Show a notification and how sending goes", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("notifications", args[0]), nil, drawNotification)
		},
	}
	var f notificationFlags
	create := &cobra.Command{
		Use: "create NAME", Short: "Tell conditions to a webhook or by e-mail", Args: cobra.ExactArgs(1),
		Long: `create tells the beginning and the end of conditions elsewhere.

  godwit notification create ops --url https://chat.example.org/hooks/1
  godwit notification create night --host smtp.example.org --username godwit \
      --password-file /run/secrets/smtp --from godwit@example.org --to ops@example.org --after 60`,
		RunE: func(c *cobra.Command, args []string) error {
			if (f.url == "") == (f.host == "") {
				return usagef("give --url for a webhook, or --host for e-mail")
			}
			body, err := f.body(args[0])
			if err != nil {
				return err
			}
			return call(c.Context(), a, http.MethodPost, at("notifications"), body, drawNotification)
		},
	}
	f.add(create)
	set := &cobra.Command{
		Use: "set NAME [FIELD=VALUE...]", Short: "Change a notification", Args: cobra.MinimumNArgs(2), ValidArgsFunction: names,
		Example: `  godwit notification set ops enabled=false
  godwit notification set ops 'target={"url":"https://chat.example.org/hooks/2"}'`,
		RunE: func(c *cobra.Command, args []string) error {
			change, err := a.fields(args[1:], "")
			if err != nil {
				return err
			}
			return amend(c.Context(), a, http.MethodPatch, at("notifications", args[0]), "", change, drawNotification)
		},
	}
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a notification with what waits to be sent", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("notifications", args[0]), nil, say("notification %s is deleted", args[0]))
		},
	}
	test := &cobra.Command{
		Use: "test NAME", Short: "Send a test now and say how it went", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("notifications", args[0], "test"), nil, func(t *table, r struct {
				Sent  bool   `json:"sent"`
				Error string `json:"error"`
			}) {
				if r.Sent {
					t.row("sent")
					return
				}
				t.row("not sent: " + r.Error)
			})
		},
	}
	retry := &cobra.Command{
		Use: "retry NAME", Short: "Send at once what waits, and again what was given up", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("notifications", args[0], "retry"), nil, func(t *table, r struct {
				Queued int64 `json:"queued"`
			}) {
				t.row(strconv.FormatInt(r.Queued, 10) + " on their way")
			})
		},
	}
	deliveries := &cobra.Command{
		Use: "deliveries NAME", Short: "List what was and is to be sent, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), at("notifications", args[0], "deliveries"), url.Values{}, 200)
			if err != nil {
				return err
			}
			type row struct {
				Event     string    `json:"event"`
				State     string    `json:"state"`
				Attempts  int       `json:"attempts"`
				CreatedAt time.Time `json:"created_at"`
				LastError string    `json:"last_error"`
				Message   struct {
					Data struct {
						Cluster string `json:"cluster_name"`
						Kind    string `json:"kind"`
					} `json:"data"`
				} `json:"message"`
			}
			return printList(a, items, []string{"WHEN", "EVENT", "CLUSTER", "CONDITION", "STATE", "ATTEMPTS", "LAST ERROR"}, func(r row) []string {
				return []string{ago(r.CreatedAt), r.Event, orDash(r.Message.Data.Cluster), orDash(r.Message.Data.Kind), r.State, strconv.Itoa(r.Attempts), orDash(r.LastError)}
			})
		},
	}
	return group("notification", "Tell conditions to webhooks and by e-mail", list, get, create, set, remove, test, retry, deliveries)
}
