package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// whatIfResult sums up a cluster under one policy.
type whatIfResult struct {
	NodeHours      float64  `json:"node_hours"`
	Cost           *float64 `json:"cost"`
	Launches       int      `json:"launches"`
	Drains         int      `json:"drains"`
	Refusals       int      `json:"refusals"`
	SessionSeconds float64  `json:"session_seconds"`
	UnderSeconds   float64  `json:"under_seconds"`
	PeakNodes      int      `json:"peak_nodes"`
}

func (r whatIfResult) cells(name string) []string {
	under, cost := 0.0, "-"
	if r.SessionSeconds > 0 {
		under = r.UnderSeconds / r.SessionSeconds * 100
	}
	if r.Cost != nil {
		cost = fmt.Sprintf("%.2f", *r.Cost)
	}
	return []string{name, fmt.Sprintf("%.1f", r.NodeHours), cost, strconv.Itoa(r.PeakNodes), strconv.Itoa(r.Launches),
		strconv.Itoa(r.Drains), strconv.Itoa(r.Refusals), fmt.Sprintf("%.2f %%", under)}
}

func newPolicyWhatIf(a *app) *cobra.Command {
	var file string
	var from, to when
	var price float64
	c := &cobra.Command{
		Use: "what-if CLUSTER [FIELD=VALUE...]", Short: "What would a policy have done on the load that was recorded?", Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.clusters(),
		Long: `what-if plays the recorded load of a cluster under its policy as it is, and under one
with other fields, through the same decisions that the manager makes, and compares
what it would have cost and who would have noticed. Nothing is changed.

  godwit policy what-if studio max_nodes=6 min_idle=0        the last seven days
  godwit policy what-if studio -f policy.yaml --from 24h --price 0.17`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if len(args) > 1 || file != "" {
				change, err := a.fields(args[1:], file)
				if err != nil {
					return err
				}
				body["policy"] = change
			}
			for name, w := range map[string]*when{"from": &from, "to": &to} {
				if w.text != "" {
					body[name] = w.time().UTC()
				}
			}
			if c.Flags().Changed("price") {
				body["price_per_hour"] = price
			}
			return call(c.Context(), a, http.MethodPost, at("clusters", args[0], "policy", "what-if"), body, drawWhatIf)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "fields as JSON or YAML; - is stdin")
	c.Flags().Var(&from, "from", "begin of the load: a time, or how long ago (24h); default seven days before --to")
	c.Flags().Var(&to, "to", "end of the load; default now")
	c.Flags().Float64Var(&price, "price", 0, "of one node for one hour, to compare costs")
	return c
}

func drawWhatIf(t *table, w struct {
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Coverage float64       `json:"coverage"`
	Recorded whatIfResult  `json:"recorded"`
	Current  whatIfResult  `json:"current"`
	Proposed whatIfResult  `json:"proposed"`
	Changes  []fieldChange `json:"changes"`
	Text     string        `json:"text"`
},
) {
	t.line(fmt.Sprintf("load from %s to %s, %.0f %% of it recorded", wall(w.From), wall(w.To), w.Coverage*100))
	drawChanges(t, w.Changes)
	t.row("", "NODE-HOURS", "COST", "PEAK", "LAUNCHES", "DRAINS", "REFUSED", "UNDER SERVICE LEVEL")
	t.row(w.Recorded.cells("recorded")...)
	t.row(w.Current.cells("current policy")...)
	t.row(w.Proposed.cells("proposed policy")...)
	t.line(w.Text)
}

func newForecastCommand(a *app) *cobra.Command {
	var hours int
	show := &cobra.Command{
		Use: "show CLUSTER", Short: "What the past says of the coming hours, and how far it has come true", Args: cobra.ExactArgs(1), ValidArgsFunction: a.clusters(),
		Long: `show lists the demand that is predicted, in nodes' worth, hour by hour, and how good
predictions have been: skill 1 is perfect, 0 is no better than "it stays as it is".
A policy with forecast=shadow only keeps the score; forecast=on has nodes launched
ahead of demand, as far as the score has earned trust.`,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("clusters", args[0], "forecast"), nil, func(t *table, f forecastAnswer) { f.draw(t, hours) })
		},
	}
	show.Flags().IntVar(&hours, "hours", 12, "how far to look ahead, up to 24")
	return group("forecast", "What demand is predicted", show)
}

type forecastAnswer struct {
	Mode         string     `json:"mode"`
	LearnedFrom  *time.Time `json:"learned_from"`
	LearnedUntil *time.Time `json:"learned_until"`
	Score        struct {
		Hours float64 `json:"hours"`
		MAPE  float64 `json:"mape"`
		Bias  float64 `json:"bias"`
		Skill float64 `json:"skill"`
		Trust float64 `json:"trust"`
	} `json:"score"`
	Points []struct {
		At        time.Time    `json:"at"`
		Predicted *json.Number `json:"predicted"`
	} `json:"points"`
}

func (f forecastAnswer) draw(t *table, hours int) {
	if f.LearnedFrom == nil || f.LearnedUntil == nil {
		t.line("forecast " + f.Mode + ": nothing was learned yet")
		return
	}
	t.line(fmt.Sprintf("forecast %s, learned from %s until %s", f.Mode, wall(*f.LearnedFrom), wall(*f.LearnedUntil)))
	t.line(fmt.Sprintf("scored for %.0f h: mean error %.0f %%, bias %+.2f nodes, skill %.2f, trust %.0f %%",
		f.Score.Hours, f.Score.MAPE*100, f.Score.Bias, f.Score.Skill, f.Score.Trust*100))
	most := map[time.Time]float64{}
	var order []time.Time
	for _, p := range f.Points {
		if p.Predicted == nil {
			continue
		}
		v, err := p.Predicted.Float64()
		hour := p.At.Truncate(time.Hour)
		if _, seen := most[hour]; !seen && err == nil {
			order = append(order, hour)
		}
		most[hour] = max(most[hour], v)
	}
	t.row("HOUR", "NODES' WORTH OF DEMAND AT MOST")
	for _, hour := range order[:min(len(order), max(hours, 0))] {
		t.row(wall(hour), fmt.Sprintf("%.1f", most[hour]))
	}
}
