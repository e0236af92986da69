package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type logLevels struct {
	Manager   string `json:"manager"`
	Nodes     string `json:"nodes"`
	Overrides []struct {
		Node  string    `json:"node"`
		Level string    `json:"level"`
		Until time.Time `json:"until"`
	} `json:"overrides"`
}

func drawLogLevels(t *table, l logLevels) {
	t.row("WHAT", "LEVEL", "UNTIL")
	t.row("manager", orDash(l.Manager), "-")
	t.row("nodes", orDash(l.Nodes), "-")
	for _, o := range l.Overrides {
		t.row("node "+o.Node, o.Level, o.Until.Local().Format(time.DateTime))
	}
}

func newLogLevelCommand(a *app) *cobra.Command {
	get := &cobra.Command{
		Use: "get", Short: "Show how much managers and nodes log", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return call(c.Context(), a, http.MethodGet, at("log-levels"), nil, drawLogLevels)
		},
	}
	var node string
	lasts := span{Duration: time.Hour, least: time.Second}
	set := &cobra.Command{
		Use: "set [manager=LEVEL] [nodes=LEVEL] | set LEVEL --node NODE", Short: "Set how much managers and nodes log, while they run", Args: cobra.MinimumNArgs(1),
		Example: `  godwit loglevel set manager=debug
  godwit loglevel set debug --node studio-3 --for 30m`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("for") && node == "" {
				return usagef("--for is for one node: give --node NODE; levels of all stay until they are set again")
			}
			cl, _, err := a.api()
			if err != nil {
				return err
			}
			var doc map[string]any
			if _, err := cl.Do(c.Context(), http.MethodGet, at("log-levels"), nil, &doc); err != nil {
				return err
			}
			if err := changeLevels(doc, args, node, lasts.Duration); err != nil {
				return err
			}
			return amend(c.Context(), a, http.MethodPut, at("log-levels"), "", doc, drawLogLevels)
		},
	}
	set.Flags().StringVar(&node, "node", "", "one node only, for a while")
	set.Flags().Var(&lasts, "for", "with --node: how long")
	_ = set.RegisterFlagCompletionFunc("node", a.names("/api/v1/nodes"))
	return group("loglevel", "Show and change how much managers and nodes log", get, set)
}

// levels are how much may be logged, most first.
var levels = []string{"debug", "info", "warn", "error"}

func isLevel(s string) error {
	if !slices.Contains(levels, s) {
		return usagef("%q is no level of logging; there are %s", s, strings.Join(levels, ", "))
	}
	return nil
}

// changeLevels writes what the arguments say into the document.
func changeLevels(doc map[string]any, args []string, node string, lasts time.Duration) error {
	if node != "" {
		if len(args) != 1 || strings.Contains(args[0], "=") {
			return usagef("give one level for --node %s", node)
		}
		if err := isLevel(args[0]); err != nil {
			return err
		}
		kept := []any{}
		list, _ := doc["overrides"].([]any)
		for _, o := range list {
			if m, ok := o.(map[string]any); ok && m["node"] != node {
				kept = append(kept, o)
			}
		}
		doc["overrides"] = append(kept, map[string]any{"node": node, "level": args[0], "until": time.Now().Add(lasts).UTC().Format(time.RFC3339)})
		return nil
	}
	for _, arg := range args {
		what, level, found := strings.Cut(arg, "=")
		if !found || what != "manager" && what != "nodes" {
			return usagef("%q is neither manager=LEVEL nor nodes=LEVEL; one node takes LEVEL alone, with --node NODE", arg)
		}
		if err := isLevel(level); err != nil && level != "" { // empty: as it was started
			return err
		}
		doc[what] = level
	}
	return nil
}
