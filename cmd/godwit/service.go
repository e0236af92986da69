package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type nodeServiceRow struct {
	Name      string     `json:"name"`
	State     string     `json:"state"`
	PID       int        `json:"pid"`
	Restarts  int        `json:"restarts"`
	StartedAt *time.Time `json:"started_at"`
	LastError string     `json:"last_error"`
}

func drawServices(t *table, l struct {
	Items []nodeServiceRow `json:"items"`
}) {
	t.row("SERVICE", "STATE", "PID", "RESTARTS", "STARTED", "LAST ERROR")
	for _, s := range l.Items {
		started := "-"
		if s.StartedAt != nil {
			started = ago(*s.StartedAt)
		}
		t.row(s.Name, s.State, strconv.Itoa(s.PID), strconv.Itoa(s.Restarts), started, orDash(s.LastError))
	}
}

func newServiceCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/nodes")
	list := &cobra.Command{
		Use: "list NODE", Aliases: []string{"ls"}, Short: "List what a node's agent supervises", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("nodes", args[0], "services"), nil, drawServices)
		},
	}
	var reason string
	restart := &cobra.Command{
		Use: "restart NODE SERVICE", Short: "Give a service a fresh process; its sessions resume", Args: cobra.ExactArgs(2), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if reason != "" {
				body["reason"] = reason
			}
			return call(c.Context(), a, http.MethodPost, at("nodes", args[0], "services", args[1], "restart"), body, drawServices)
		},
	}
	restart.Flags().StringVar(&reason, "reason", "", "why, for those who read the audit later")
	return group("service", "Watch and restart the services of nodes", list, restart)
}

// nodeParts are further subcommands of node.
func nodeParts(a *app) []*cobra.Command {
	names := a.names("/api/v1/nodes")
	sessions := &cobra.Command{
		Use: "sessions NODE", Short: "List the sessions that a node serves now", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), at("nodes", args[0], "sessions"), url.Values{}, 10000)
			if err != nil {
				return err
			}
			type row struct {
				ID        string  `json:"id"`
				Direction string  `json:"direction"`
				AccessKey string  `json:"access_key"`
				Rate      int64   `json:"rate_bps"`
				Share     int64   `json:"share_bps"`
				Bytes     int64   `json:"bytes"`
				Total     int64   `json:"bytes_total"`
				RTT       float64 `json:"rtt_ms"`
				Peer      string  `json:"peer"`
				State     string  `json:"state"`
			}
			return printList(a, items, []string{"SESSION", "DIRECTION", "KEY", "RATE", "SHARE", "DONE", "OF", "RTT", "CLIENT", "STATE"}, func(r row) []string {
				return []string{r.ID, r.Direction, orDash(r.AccessKey), rate(r.Rate), rate(r.Share), size(r.Bytes), size(r.Total),
					strconv.FormatFloat(r.RTT, 'f', 1, 64) + " ms", r.Peer, r.State}
			})
		},
	}
	console := &cobra.Command{
		Use: "console NODE", Short: "Show what a node's machine wrote to its console", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("nodes", args[0], "console"), nil, func(t *table, o struct {
				Text string `json:"text"`
			}) {
				for line := range strings.Lines(o.Text) {
					t.row(strings.TrimRight(line, "\r\n"))
				}
			})
		},
	}
	return []*cobra.Command{sessions, console}
}
