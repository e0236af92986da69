package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/pathbook"
)

// pathReport is what a probe found out.
type pathReport struct {
	Target string     `json:"target"`
	UDP    string     `json:"udp"`            // "open", "blocked" or "unknown"
	RTT    float64    `json:"rtt_ms"`         // of the control connection's set-up
	Up     *wayReport `json:"up,omitempty"`   // from here to there
	Down   *wayReport `json:"down,omitempty"` // from there to here
}

// wayReport is one direction.
type wayReport struct {
	Refused   string             `json:"refused,omitempty"` // why this way could not be tried
	Transport transfer.Transport `json:"transport,omitempty"`
	Rate      int64              `json:"rate_bps"` // of file data, once it had grown
	RTT       float64            `json:"rtt_ms"`   // while data flowed
	Loss      float64            `json:"loss"`     // share of datagrams, 0 to 1
	Datagram  int                `json:"datagram_bytes,omitempty"`
	Before    *beforeReport      `json:"before,omitempty"` // what was remembered of it
}

// beforeReport is what earlier transfers from here learnt.
type beforeReport struct {
	At   time.Time      `json:"at"`
	Rate int64          `json:"rate,omitempty"` // bit/s
	RTT  float64        `json:"rtt_ms,omitempty"`
	Loss float64        `json:"loss,omitempty"`
	UDP  pathbook.Reach `json:"udp,omitempty"`
}

func before(p *pathbook.Path) *beforeReport {
	if p == nil {
		return nil
	}
	return &beforeReport{At: p.Seen, Rate: int64(p.Rate), RTT: millis(p.RTT), Loss: p.Loss, UDP: p.UDP}
}

func newProbe(a *app) *cobra.Command {
	fl := &copyFlags{}
	var lasts time.Duration
	var up, down bool
	c := &cobra.Command{
		Use:   "probe [flags] PLACE",
		Short: "Measure what a path can do: rate, RTT, loss, datagram size, UDP open?",
		Long: `probe sends made-up data to a place and back for a few seconds each, as cp would send
files, and says what it saw. Nothing is read or written there. PLACE is a cluster, a
machine behind ssh, or an address that godwit serve printed:

  godwit probe studio
  godwit probe ada@host
  godwit probe --time 10s --up godwit://0KEY…@192.0.2.7:33001/
  godwit probe --json ada@host

What it learns of the way up, the next cp and probe start with; what was known before is
shown as remembered. It fills the path for that time, as fair as a cp; --rate bounds it. What was read-only
or write-only there can be tried one way only.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.locations(),
		RunE: func(c *cobra.Command, args []string) error {
			if fl.json {
				a.output = "json"
			}
			if lasts < 100*time.Millisecond || lasts > 10*time.Minute {
				return usagef("--time %v is not between 100ms and 10m", lasts)
			}
			l, err := parsePlace(args[0])
			if err != nil {
				return err
			}
			if err := cmp.Or(refuseEmpty(c.Flags()), checkPlace(c.Flags(), l)); err != nil {
				return err
			}
			return a.probe(c.Context(), fl, l, lasts, up || !down, down || !up)
		},
	}
	f := c.Flags()
	f.DurationVar(&lasts, "time", 3*time.Second, "how long each way is tried")
	f.BoolVar(&up, "up", false, "only from here to there")
	f.BoolVar(&down, "down", false, "only from there to here")
	f.Var(&fl.rate, "rate", "most bits per second (500M, 2G); default: as fast as the path allows")
	f.StringVar(&fl.transport, "transport", "auto", "what data ride: udp, tcp, or auto: UDP unless it is blocked")
	f.StringVar(&fl.key, "key", "", "access key to probe for, when signed in as an operator")
	f.BoolVar(&fl.json, "json", false, "print JSON; the same as -o json")
	memoryFlag(f, &fl.memory)
	fl.ssh.add(f)
	return c
}

// parsePlace reads a location whose path, and even the colon before it, may be
// left out.
func parsePlace(s string) (location, error) {
	if !strings.Contains(s, "://") && !strings.Contains(s, ":") {
		s += ":"
	}
	l, err := parseLocation(s)
	if err == nil && !l.remote {
		err = usagef("%s is no place to probe: name a cluster, USER@HOST, or an address that godwit serve printed", s)
	}
	return l, err
}

// probe tries both ways, one after the other.
func (a *app) probe(ctx context.Context, fl *copyFlags, l location, lasts time.Duration, up, down bool) error {
	target, _, _ := strings.Cut(l.raw, "#")
	r := pathReport{Target: strings.TrimSuffix(redact(target), ":"), UDP: "unknown"}
	var last error
	tried := 0
	for _, way := range []struct {
		wanted bool
		dir    transfer.Direction
		into   **wayReport
	}{{up, transfer.Push, &r.Up}, {down, transfer.Pull, &r.Down}} {
		if !way.wanted {
			continue
		}
		w, path, err := a.probeWay(ctx, fl, l, way.dir, lasts)
		switch {
		case transfer.CodeOf(err) == transfer.CodeUnauthorized && path == nil:
			*way.into = &wayReport{Refused: err.Error()}
			last = err
			continue
		case err != nil:
			return err
		}
		tried++
		*way.into = &w
		r.RTT = millis(path.Connect)
		switch {
		case w.Transport == transfer.TransportUDP:
			r.UDP = "open"
		case fl.transport != "tcp":
			r.UDP = "blocked"
		}
	}
	if tried == 0 {
		return last
	}
	return a.print(r, func(t *table) { r.draw(t) })
}

// endless is more than a path carries while it is tried.
var endless = transfer.Synthetic{Files: 1_000_000, Size: 64 << 20}

// probeWay runs one session of made-up data. The path is nil when there was none.
func (a *app) probeWay(ctx context.Context, fl *copyFlags, l location, dir transfer.Direction, lasts time.Duration) (wayReport, *transfer.Path, error) {
	job := transfer.Job{Direction: dir, Synthetic: &endless, Options: transfer.Options{
		Rate: int64(fl.rate), Discard: true, Transport: transport(fl.transport), Retries: -1,
	}}
	flags := *fl
	flags.name = "probe"
	from, err := a.specSource(l, job, &flags)
	if err != nil {
		return wayReport{}, nil, err
	}
	defer from.giveUp(ctx)
	paths := pathMemory(fl.memory)
	client := &transfer.Client{Specs: from.next, Key: from.key, Dial: from.dial, Paths: paths}
	t, err := client.Start(ctx, job)
	if err != nil {
		return wayReport{}, nil, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := t.Wait()
		done <- err
	}()
	w, path, err := watch(t, done, lasts)
	t.Cancel()
	<-done           //nolint:errcheck // it was cancelled
	_ = paths.Save() // what cannot be kept is not known the next time
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return w, path, err
}

// watch looks at a transfer for as long as its session lasts; done keeps its
// error. The rate is that of the second half.
func watch(t *transfer.Transfer, done chan error, lasts time.Duration) (wayReport, *transfer.Path, error) {
	var w wayReport
	var path *transfer.Path
	var began, half time.Time
	var from int64
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			done <- err
			return w, path, err
		case <-look.C:
		}
		p, live := t.Path()
		if !live {
			continue
		}
		now, bytes := time.Now(), t.Progress().Bytes
		if path == nil {
			began = now
		}
		path = &p
		switch {
		case half.IsZero() && now.Sub(began) >= lasts/2:
			half, from = now, bytes
		case now.Sub(began) >= lasts:
			w.Transport, w.RTT, w.Loss, w.Datagram, w.Before = p.Transport, millis(p.RTT), p.Loss, p.Datagram, before(p.Before)
			if p.Transport != transfer.TransportUDP {
				w.Loss, w.Datagram = 0, 0
			}
			w.Rate = int64(float64(bytes-from) * 8 / now.Sub(half).Seconds())
			return w, path, nil
		}
	}
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

func (r pathReport) draw(t *table) {
	t.row("TO", r.Target)
	t.row("RTT", fmt.Sprintf("%.1f ms", r.RTT))
	t.row("UDP", r.UDP)
	way := func(name string, w *wayReport) {
		switch {
		case w == nil:
		case w.Refused != "":
			t.row(name, "not tried: "+w.Refused)
		case w.Transport == transfer.TransportUDP:
			t.row(name, fmt.Sprintf("%s, RTT %.1f ms under load, %.2f %% lost, datagrams of %d bytes", rate(w.Rate), w.RTT, 100*w.Loss, w.Datagram))
		default:
			t.row(name, fmt.Sprintf("%s over %s", rate(w.Rate), strings.ToUpper(string(w.Transport))))
		}
	}
	way("UP", r.Up)
	if r.Up != nil && r.Up.Before != nil {
		b := r.Up.Before
		said := "UDP was " + string(b.UDP)
		if b.Rate > 0 {
			said = fmt.Sprintf("%s, RTT %.1f ms, %.2f %% lost", rate(b.Rate), b.RTT, 100*b.Loss)
		}
		t.row("", "remembered: "+said+", "+time.Since(b.At).Round(time.Second).String()+" ago")
	}
	way("DOWN", r.Down)
}
