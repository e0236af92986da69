//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/bench/process"
	"github.com/godwit/godwit/bench/result"
)

// longest is how long one run may take.
const longest = 2 * time.Minute

// seed of the sets.
const seed = 1

// client is one godwit cp of a run.
type client struct {
	from, to string // a tree and where it arrives
	command  *exec.Cmd
	out, err bytes.Buffer
	seconds  float64
	failure  string
}

// run measures one case once.
func (b *bench) run(ctx context.Context, c kase) (r result.Run, err error) {
	set, err := fileset.Named(c.set)
	if err != nil {
		return r, err
	}
	sessions := max(c.sessions, 1)
	set = set.Scaled(b.scale)
	if sessions > 1 {
		set = set.Scaled(b.scale * 32)
	}
	r = result.Run{Case: c.name, Set: c.set, Peer: "godwit", Load: result.Load(), At: time.Now().UTC(),
		Bytes: set.Bytes(seed) * int64(sessions), Files: set.Files * sessions, Complete: true}

	source := filepath.Join(b.memory, "source", fmt.Sprintf("%s-%d", set.Name, set.Bytes(seed)))
	if err := errors.Join(os.MkdirAll(filepath.Dir(source), 0o755), set.Make(source, seed)); err != nil {
		return r, err
	}
	below := b.memory
	if c.onDisk {
		below = b.disk
	}
	target, err := os.MkdirTemp(below, "target")
	if err != nil {
		return r, err
	}
	work, err := os.MkdirTemp("", "local")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(target), os.RemoveAll(work)) }()
	syscall.Sync() // what earlier runs left to be written is not this one's affair

	served := target
	if c.pull {
		served = source
	}
	server := process.New(work, b.godwit, "serve", "--write", "--listen", "127.0.0.1:0", served)
	address, err := serve(server)
	if err != nil {
		return r, err
	}
	clients := make([]*client, sessions)
	for i := range clients {
		name := ""
		if sessions > 1 {
			name = fmt.Sprintf("s%02d", i)
		}
		at := &client{from: source, to: filepath.Join(target, name)}
		from, to := source+"/", address+name
		if c.pull {
			from, to = address, at.to
		}
		at.command = process.New(work, b.godwit, "cp", "-r", "--json", from, to)
		at.command.Stdout, at.command.Stderr = &at.out, &at.err
		clients[i] = at
	}
	var all sync.WaitGroup
	begun := time.Now()
	for _, at := range clients {
		all.Go(func() { at.run(ctx) })
	}
	all.Wait()
	r.Seconds = time.Since(begun).Seconds()
	process.End(server)
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	r.CPU, r.Wakeups = process.CPU(server), process.Wakeups(server)
	return r, b.collect(&r, clients)
}

// collect adds up what the clients say, and compares the trees.
func (b *bench) collect(r *result.Run, clients []*client) error {
	var sent int64
	var rates, halves []float64
	for _, at := range clients {
		r.CPU += process.CPU(at.command)
		r.Wakeups += process.Wakeups(at.command)
		said, err := at.events()
		if err != nil {
			return err
		}
		sent += said.sent
		rates = append(rates, 1/at.seconds)
		halves = append(halves, said.secondHalf)
		if at.failure == "" {
			if err := fileset.Compare(at.from, at.to); err != nil {
				at.failure = err.Error()
			}
		}
		if at.failure != "" {
			r.Failure, r.Complete = at.failure, false
		}
	}
	r.Waste = float64(sent)/float64(r.Bytes) - 1
	if len(clients) > 1 {
		r.Fairness = result.Jain(rates)
	} else {
		r.SecondHalf = halves[0]
	}
	if !r.Complete {
		r.Bytes, r.Files = 0, 0
	}
	return nil
}

// serve starts a server and gives the address that it prints.
func serve(c *exec.Cmd) (string, error) {
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		process.End(c)
		return "", fmt.Errorf("godwit serve: %w: %s", err, said.String())
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // until the server ends
	return strings.TrimSpace(line), nil
}

// run runs the client to its end.
func (at *client) run(ctx context.Context) {
	begun := time.Now()
	if err := at.command.Start(); err != nil {
		at.failure = err.Error()
		return
	}
	err, capped := process.Wait(ctx, at.command, longest)
	at.seconds = time.Since(begun).Seconds()
	switch {
	case capped:
		at.failure = fmt.Sprintf("not done after %v", longest)
	case err != nil:
		at.failure = strings.Join(strings.Fields(fmt.Sprintf("%v: %s", err, at.err.String())), " ")
	}
}

// account is what a client said of its transfer.
type account struct {
	sent       int64   // data bytes, repeated ones included
	secondHalf float64 // Mbit/s after half of the time
}

func (at *client) events() (a account, err error) {
	type point struct {
		at    time.Time
		bytes int64
	}
	var points []point
	for line := range strings.Lines(at.out.String()) {
		var event struct {
			At     time.Time `json:"at"`
			Event  string    `json:"event"`
			Bytes  int64     `json:"bytes"`
			Result struct {
				Sent int64 `json:"sent"`
			} `json:"result"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return a, fmt.Errorf("events of godwit cp: %w", err)
		}
		switch event.Event {
		case "result":
			a.sent = event.Result.Sent
		case "progress", "session":
			points = append(points, point{event.At, event.Bytes})
		}
	}
	if len(points) < 2 {
		return a, nil
	}
	first, last := points[0], points[len(points)-1]
	half := first.at.Add(last.at.Sub(first.at) / 2)
	for _, p := range points {
		if !p.at.Before(half) && p.at.Before(last.at) {
			a.secondHalf = float64(last.bytes-p.bytes) * 8 / 1e6 / last.at.Sub(p.at).Seconds()
			break
		}
	}
	return a, nil
}
