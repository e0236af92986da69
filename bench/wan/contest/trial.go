//go:build linux

package contest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/bench/process"
	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/emulator"
)

// trial is one run of one peer.
type trial struct {
	kase Case
	set  fileset.Set
	peer peer
	seed uint64

	path    *emulator.Path
	source  string // tree at end a, or at b for who pulls
	target  string // empty directory at the other end
	work    string // of this run alone
	address string // where the server is, if it says so itself

	err error // of making the commands
}

// command is a program of this run.
func (t *trial) command(name string, args ...string) *exec.Cmd {
	return process.New(t.work, name, args...)
}

func (t *trial) fail(err error) { t.err = errors.Join(t.err, err) }

// errStoodStill says that the machine itself paused in mid-run, as virtual ones
// do: the run tells nothing.
var errStoodStill = errors.New("the machine stood still during the run")

// standstill is an oversleep of the data path that no load of this machine explains.
const standstill = 300 * time.Millisecond

// grace is what servers that do not say when they are ready get.
const grace = 400 * time.Millisecond

// run measures. Its error is of the measuring; what the peer did wrong is in the run.
func (t *trial) run(ctx context.Context) (r result.Run, err error) {
	r = result.Run{
		Case: t.kase.Name, Set: t.set.Name, Peer: t.peer.name, Seed: t.seed,
		Limit: t.kase.Model.Limit() / 1e6, Load: result.Load(), At: time.Now().UTC(),
	}
	t.path, err = emulator.New(ctx, emulator.Config{AB: t.kase.Model, BA: t.kase.Model, Seed: t.seed, TCP: t.peer.tcp})
	if err != nil {
		return r, err
	}
	defer t.path.Close()

	server := t.peer.server(t)
	said, err := server.StdoutPipe()
	if err != nil {
		return r, err
	}
	var serverSaid, clientSaid, clientOut bytes.Buffer
	server.Stderr = &serverSaid
	if err := errors.Join(t.err, t.path.B.Start(server)); err != nil {
		return r, fmt.Errorf("server of %s: %w", t.peer.name, err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			process.End(server)
		}
	}
	defer stop()
	if t.peer.ready == nil {
		time.Sleep(grace)
	} else if err := t.peer.ready(t, said); err != nil {
		return r, fmt.Errorf("server of %s: %w: %s", t.peer.name, err, &serverSaid)
	}
	go io.Copy(io.Discard, said) //nolint:errcheck // until the server ends

	client := t.peer.client(t)
	client.Stdout, client.Stderr = &clientOut, &clientSaid
	if t.err != nil {
		return r, t.err
	}
	meter := startMeter(t.path, t.peer.pulls)
	begun := time.Now()
	if err := t.path.A.Start(client); err != nil {
		meter.stop()
		return r, fmt.Errorf("client of %s: %w", t.peer.name, err)
	}
	ended, capped := process.Wait(ctx, client, t.kase.Cap)
	r.Seconds = time.Since(begun).Seconds()
	curve := meter.stop()
	stop()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	stats := t.path.Stats()
	r.CPU = process.CPU(client) + process.CPU(server)
	r.Wakeups = process.Wakeups(client) + process.Wakeups(server)
	if stats.StallMax > standstill || r.Seconds > (t.kase.Cap+10*time.Second).Seconds() {
		return r, errStoodStill
	}
	t.record(&r, stats, curve, clientOut.Bytes(), ended, capped, &clientSaid)
	return r, nil
}

// record fills in what a run came to.
func (t *trial) record(r *result.Run, s emulator.Stats, c curve, stdout []byte, ended error, capped bool, said *bytes.Buffer) {
	data := s.AB
	if t.peer.pulls {
		data = s.BA
	}
	r.QueueDrops, r.Unintended = data.QueueDrops+data.PoliceDrops, s.Unintended()
	r.Overruns = s.SocketDropsA + s.SocketDropsB
	r.LateP99, r.LateMax = max(s.AB.Late99, s.BA.Late99).Seconds()*1000, max(s.AB.LateMax, s.BA.LateMax).Seconds()*1000
	whole, wall := t.set.Bytes(Seed), r.Seconds
	var o outcome
	switch {
	case capped:
		// What crossed the path, at the most that a packet of 1500 bytes can hold.
		r.Bytes = min(whole, int64(float64(data.DeliveredBytes)*1472/1500))
		r.Failure = fmt.Sprintf("not done after %v", t.kase.Cap)
	case ended != nil:
		r.Failure = strings.TrimSpace(fmt.Sprintf("%v: %s", ended, last(said.String())))
	default:
		r.Bytes, r.Files, r.Complete = whole, t.set.Files, true
		if t.peer.read != nil {
			if err := t.peer.read(t, stdout, &o); err != nil {
				r.Failure, r.Complete = err.Error(), false
			}
		}
		if o.seconds > 0 {
			r.Bytes, r.Seconds, r.Files = o.bytes, o.seconds, 0
		}
		if t.peer.copies {
			if err := fileset.Compare(t.source, t.arrived()); err != nil {
				r.Failure, r.Complete = err.Error(), false
			}
		}
	}
	r.SecondHalf = c.secondHalf(wall) * float64(r.Bytes) * 8 / 1e6
	r.Waste = waste(t.peer, data, o, r.Bytes, capped || ended != nil)
}

// waste is what arrived, or would have but for the loss of the model, beyond
// what was needed. Losses that the sender causes at the bottleneck or the
// policer count as its waste.
func waste(p peer, f emulator.Flow, o outcome, needed int64, broken bool) float64 {
	if broken || needed == 0 || f.Sent == 0 {
		return 0
	}
	sent := float64(o.sent)
	if sent == 0 {
		sent = float64(f.SentBytes) - float64(f.Sent)*float64(p.overhead)
	}
	survived := 1 - float64(f.Lost)/float64(f.Lost+f.Delivered)
	return sent*survived/float64(needed) - 1
}

// arrived is where the tree is at the target.
func (t *trial) arrived() string {
	// uftp puts it below its own name.
	entries, err := os.ReadDir(t.target)
	if err == nil && len(entries) == 1 && entries[0].IsDir() && entries[0].Name() == filepath.Base(t.source) {
		return filepath.Join(t.target, entries[0].Name())
	}
	return t.target
}

func last(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[max(0, len(text)-200):]
}
