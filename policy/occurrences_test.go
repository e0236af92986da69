package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func office(change ...func(*Schedule)) Schedule {
	s := Schedule{Name: "office", Cron: "0 8 * * 1-5", TimeZone: "Europe/Berlin", DurationS: 9 * 3600, MinAvailable: 4, MinIdle: 1}
	for _, c := range change {
		c(&s)
	}
	return s
}

func previewOf(from string, days int, schedules ...Schedule) (Preview, string) {
	p := Default()
	p.Schedules = schedules
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		panic(err)
	}
	v := Occurrences(p, at, days)
	var b strings.Builder
	for _, i := range v.Intervals {
		if len(i.Schedules) > 0 {
			fmt.Fprintf(&b, "%s–%s %d/%d %s\n", i.From.Format("02 15:04"), i.Until.Format("02 15:04"), i.MinAvailable, i.MinIdle, strings.Join(i.Schedules, "+"))
		}
	}
	for _, w := range v.Warnings {
		fmt.Fprintf(&b, "! %d %s: %s\n", w.Schedule, w.Kind, w.Text)
	}
	return v, b.String()
}

func TestPreviewShowsWhatCountsAndWarnsOfWhatIsNotMeant(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, c := range []struct {
		name, from string
		days       int
		schedules  []Schedule
	}{
		{"office hours of a week", "2026-03-02T00:00:00Z", 7, []Schedule{office()}},
		{"a second one overlaps; the larger of each minimum counts", "2026-03-02T00:00:00Z", 2,
			[]Schedule{office(), {Name: "delivery", Cron: "0 15 * * *", TimeZone: "Europe/Berlin", DurationS: 4 * 3600, MinAvailable: 6}}},
		{"raises nothing", "2026-03-02T00:00:00Z", 1, []Schedule{office(func(s *Schedule) { s.MinAvailable, s.MinIdle = 2, 0 })}},
		{"not within the week", "2026-03-02T00:00:00Z", 7, []Schedule{office(func(s *Schedule) { s.Cron = "0 8 1 1 *" })}},
		{"never", "2026-03-02T00:00:00Z", 7, []Schedule{office(func(s *Schedule) { s.Cron = "0 8 31 2 *" })}},
		{"a zone that nobody knows", "2026-03-02T00:00:00Z", 7, []Schedule{office(func(s *Schedule) { s.TimeZone = "Mars/Olympus" })}},
		{"a broken cron line", "2026-03-02T00:00:00Z", 7, []Schedule{office(func(s *Schedule) { s.Cron = "0 25 * * *" })}},
		{"longer than its period", "2026-03-02T00:00:00Z", 7, []Schedule{office(func(s *Schedule) { s.Cron, s.DurationS = "0 8 * * *", 30*3600 })}},
		{"Berlin skips an hour", "2026-03-28T00:00:00Z", 3, []Schedule{office(func(s *Schedule) { s.Cron, s.DurationS = "30 2 * * *", 3600 })}},
		{"Berlin has an hour twice", "2026-10-24T00:00:00Z", 3, []Schedule{office(func(s *Schedule) { s.Cron, s.DurationS = "30 2 * * *", 3600 })}},
		{"a night in which Berlin's clocks change", "2026-03-28T12:00:00Z", 2, []Schedule{office(func(s *Schedule) { s.Cron, s.DurationS = "0 20 * * *", 10*3600 })}},
		{"every hour of the day when the clocks change", "2026-03-28T22:00:00Z", 1, []Schedule{office(func(s *Schedule) { s.Cron, s.DurationS = "0 * * * *", 3600 })}},
		{"Havana skips midnight: the day is not lost", "2026-03-07T12:00:00Z", 3, []Schedule{office(func(s *Schedule) {
			s.Cron, s.TimeZone, s.DurationS = "0 0 * * *", "America/Havana", 24*3600
		})}},
		{"Lord Howe skips half an hour", "2026-10-02T00:00:00Z", 3, []Schedule{office(func(s *Schedule) {
			s.Cron, s.TimeZone, s.DurationS = "15 2 * * *", "Australia/Lord_Howe", 3600
		})}},
		{"Lord Howe has half an hour twice: the day is not lost", "2026-04-03T00:00:00Z", 3, []Schedule{office(func(s *Schedule) {
			s.Cron, s.TimeZone, s.DurationS = "0 3 * * 6,0", "Australia/Lord_Howe", 17*3600
		})}},
		{"New York has an hour twice", "2026-10-31T00:00:00Z", 3, []Schedule{office(func(s *Schedule) {
			s.Cron, s.TimeZone, s.DurationS = "30 1 * * *", "America/New_York", 3600
		})}},
		{"India has no summer time", "2026-03-28T00:00:00Z", 2, []Schedule{office(func(s *Schedule) { s.Cron, s.TimeZone = "30 2 * * *", "Asia/Kolkata" })}},
	} {
		_, text := previewOf(c.from, c.days, c.schedules...)
		fmt.Fprintf(&b, "# %s\n%s\n", c.name, text)
	}
	golden(t, "occurrences.golden", b.String())
}

// TestPreviewAgreesWithWhatDecideAsks: at any time of the preview the minima
// are those that a decision then has in force.
func TestPreviewAgreesWithWhatDecideAsks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Default()
		for i := range rapid.IntRange(0, 3).Draw(t, "schedules") {
			p.Schedules = append(p.Schedules, Schedule{
				Name:      fmt.Sprint("s", i),
				Cron:      fmt.Sprintf("%d %d * * %s", rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 5).Draw(t, "hour"), rapid.SampledFrom([]string{"*", "0", "6,0"}).Draw(t, "days")),
				TimeZone:  rapid.SampledFrom([]string{"", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"}).Draw(t, "zone"),
				DurationS: rapid.IntRange(1, 30).Draw(t, "hours") * 3600, MinAvailable: rapid.IntRange(0, 9).Draw(t, "available"), MinIdle: 1,
			})
		}
		from := time.Date(2026, time.Month(rapid.SampledFrom([]int{3, 4, 10, 11}).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), 5, 7, 0, 0, time.UTC)
		v := Occurrences(p, from, 7)
		at := from
		for _, i := range v.Intervals {
			if !i.From.Equal(at) || !i.Until.After(i.From) {
				t.Fatalf("a gap or an empty interval at %s: %+v", at, i)
			}
			at = i.Until
			inside := i.From.Add(time.Duration(rapid.Int64Range(0, int64(i.Until.Sub(i.From)/time.Second)-1).Draw(t, "inside")) * time.Second)
			if c := Decide(Snapshot{}, p, inside).Capacity; c.MinAvailable != i.MinAvailable || c.MinIdle != i.MinIdle {
				t.Fatalf("%s: preview %+v, decision %d/%d", inside, i, c.MinAvailable, c.MinIdle)
			}
		}
		if !at.Equal(v.Until) || !v.Until.Equal(from.AddDate(0, 0, 7)) {
			t.Fatalf("ends at %s", at)
		}
	})
}

func TestPreviewIsBounded(t *testing.T) {
	t.Parallel()
	p := Default()
	for range maxSchedules {
		p.Schedules = append(p.Schedules, office(func(s *Schedule) { s.Cron, s.DurationS = "* * * * *", 60 }))
	}
	v := Occurrences(p, noon, 1000)
	if n := len(v.Intervals); n != 1 || !v.Until.Equal(v.Intervals[0].Until) || len(v.Warnings) == 0 || v.Warnings[0].Kind != WarnOften {
		t.Errorf("%s, %d intervals, %d warnings", v.Until.Sub(v.From), n, len(v.Warnings))
	}
	p.Schedules = []Schedule{office()}
	if v := Occurrences(p, noon, 1000); v.Until.Sub(v.From) != maxPreviewDays*24*time.Hour || len(v.Warnings) != 0 {
		t.Errorf("%s, %+v", v.Until.Sub(v.From), v.Warnings)
	}
}
