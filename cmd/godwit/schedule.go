package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newScheduleCommand(a *app) *cobra.Command {
	var days int
	show := &cobra.Command{
		Use: "show CLUSTER", Short: "Which minima will be in force when", Args: cobra.ExactArgs(1), ValidArgsFunction: a.clusters(),
		Long: `show lists what a cluster's schedules will ask for in the coming days, in local time,
and warns of what is likely not meant: a schedule that never starts, overlaps another,
or starts in an hour that a change of clocks skips. A policy edit shows the same before
it is saved: godwit policy set CLUSTER -f FILE --preview.`,
		RunE: func(c *cobra.Command, args []string) error {
			path := at("clusters", args[0], "schedule") + "?days=" + strconv.Itoa(days)
			return call(c.Context(), a, http.MethodGet, path, nil, drawSchedule)
		},
	}
	show.Flags().IntVar(&days, "days", 7, "how far to look ahead, up to 31")
	return group("schedule", "What schedules will ask for", show)
}

func drawSchedule(t *table, s struct {
	Intervals []struct {
		From         time.Time `json:"from"`
		Until        time.Time `json:"until"`
		MinAvailable int       `json:"min_available"`
		MinIdle      int       `json:"min_idle"`
		Schedules    []string  `json:"schedules"`
	} `json:"intervals"`
	Warnings []struct {
		Schedule int    `json:"schedule"`
		Text     string `json:"text"`
	} `json:"warnings"`
},
) {
	t.row("FROM", "UNTIL", "AVAILABLE", "IDLE", "BY")
	for _, i := range s.Intervals {
		by := "the policy's own minima"
		if len(i.Schedules) > 0 {
			by = strings.Join(i.Schedules, ", ")
		}
		t.row(wall(i.From), wall(i.Until), strconv.Itoa(i.MinAvailable), strconv.Itoa(i.MinIdle), by)
	}
	for _, w := range s.Warnings {
		t.line(fmt.Sprintf("warning: schedules[%d]: %s", w.Schedule, w.Text))
	}
}

// wall is a time as a wall clock here shows it.
func wall(at time.Time) string { return at.Local().Format("Mon 2006-01-02 15:04") }
