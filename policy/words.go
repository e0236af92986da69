package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shownActions bounds how many actions of one kind are told one by one in the
// reasons; each action carries its own in any case.
const shownActions = 3

// summarize tells the reasons of the actions, many alike as a number.
func summarize(actions []Action) []Reason {
	var out []Reason
	for i := 0; i < len(actions); {
		code := actions[i].Reason.Code
		j := i + 1
		for j < len(actions) && actions[j].Reason.Code == code {
			j++
		}
		shown := actions[i:min(j, i+shownActions)]
		for _, a := range shown {
			out = append(out, a.Reason)
		}
		if rest := j - i - len(shown); rest > 0 {
			out = append(out, Reason{
				Code:   code,
				Text:   textf("and %d more like it (%s)", rest, strings.ReplaceAll(string(actions[i].Kind), "_", " ")),
				Values: values{"more": float64(rest)},
			})
		}
		i = j
	}
	return slices.Clip(out)
}

func textf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// text is the signal's name in a sentence.
func (s SignalName) text() string {
	switch s {
	case SendSignal:
		return "send bandwidth"
	case ReceiveSignal:
		return "receive bandwidth"
	case CPUSignal:
		return "CPU"
	case BufferSignal:
		return "receive buffer"
	case SessionsSignal:
		return "sessions"
	}
	return "no signal"
}

func count(n int, noun string) string {
	if n == 1 {
		return strconv.Itoa(n) + " " + noun
	}
	if strings.HasSuffix(noun, "ch") {
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func mbps(x float64) string { return fmt.Sprintf("%g Mb/s", x) }

func clock(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }

func duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	}
	return fmt.Sprintf("%d min %d s", int(d/time.Minute), int(d%time.Minute/time.Second))
}
