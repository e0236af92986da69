package transfer

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/store"
	"github.com/godwit/godwit/transfer/wire"
)

// clientPool is shared by all jobs of this process.
var clientPool job.Pool

// hello is what a session of this job asks for.
func (t *Transfer) hello(spec Spec, attempt int) control.Hello {
	o := t.job.Options
	t.mu.Lock()
	rate, policy := t.rate, t.policy
	t.mu.Unlock()
	h := control.Hello{
		Direction: string(t.job.Direction), Epoch: t.epoch(), Attempt: attempt,
		Rate: first(o.Rate, spec.TargetRate), MinRate: first(o.MinRate, spec.MinRate),
		Policy:    string(first(policy, o.Policy, spec.Policy, Fair)),
		Overwrite: string(first(o.Overwrite, spec.Overwrite)),
		NoResume:  o.NoResume || spec.Resume != nil && !*spec.Resume,
		Symlinks:  string(o.Symlinks), NoTimes: o.NoPreserveTimes, NoModes: o.NoPreserveModes,
		Memory: o.Memory, Parity: parityOf(o.Memory), End: !o.Delete, DryRun: o.DryRun, Backup: o.Backup, Dense: t.job.dense(), Flat: o.Flat && t.job.Direction == Pull,
		Transport: string(o.Transport),
	}
	if n := flowsWanted(first(o.Flows, spec.Flows)); n > 1 && o.Transport != TransportTCP {
		h.Flows = n
	}
	if !o.Filter.Empty() {
		h.Filter = &o.Filter
	}
	for _, a := range o.Preserve {
		h.Preserve = append(h.Preserve, string(a))
	}
	if t.job.Direction == Push {
		h.Discard = o.Discard
	} else if o.Afterwards != AfterKeep && !o.DryRun {
		h.Afterwards, h.MoveTo, h.EmptyDirs = string(o.Afterwards), remote(o.MoveTo), o.EmptyDirs
	}
	if rate != nil {
		h.Rate = *rate
	}
	if c := first(o.Cipher, spec.Cipher); c != "" {
		h.Ciphers = []string{string(c)}
	}
	return h
}

// epoch rises from session to session, over restarts too.
func (t *Transfer) epoch() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastEpoch = max(t.lastEpoch+1, uint64(time.Now().UnixMicro()))
	return t.lastEpoch
}

// first returns the first value that is not zero.
func first[T comparable](vs ...T) T {
	var zero T
	for _, v := range vs {
		if v != zero {
			return v
		}
	}
	return zero
}

// runSession opens and runs one session.
func (t *Transfer) runSession(ctx context.Context, spec Spec, attempt int, id *string) (SessionUse, error) {
	use := SessionUse{}
	if err := spec.Validate(); err != nil {
		return use, newError(CodeInvalid, err.Error(), nil)
	}
	if spec.TransferID == "" {
		spec.TransferID = *id // of earlier sessions: whose files it goes on with
	}
	hello := t.hello(spec, attempt)
	var end clientEnd
	var err error
	if t.job.Direction == Push {
		end, err = t.pushEnd(&hello)
	} else {
		end, err = t.pullEnd(&hello, attempt)
	}
	if err != nil {
		return use, err
	}
	defer end.close()
	o, err := t.client.open(ctx, spec, hello, manner{
		greets: t.job.Direction == Push && !t.job.Options.DryRun && t.plenty(),
		calls:  t.job.Direction == Pull && !t.job.Options.DryRun,
		quick:  t.job.Options.Transport != TransportTCP && !t.slow,
	})
	if err != nil {
		return use, err
	}
	if q := o.link.quick; q != nil {
		defer func() { t.slow = !q.late.attached() }()
	}
	use.SessionID = o.accept.SessionID
	if *id == "" {
		*id = o.accept.TransferID
	}
	s, err := t.newSession(spec, hello, o, &end) //nolint:contextcheck // opening a UDP socket does not wait
	if err != nil {
		o.ctl.abort()
		return use, err
	}
	t.mu.Lock()
	t.session = s
	rate, policy := t.rate, t.policy
	t.mu.Unlock()
	if rate != nil && *rate != hello.Rate || policy != "" && string(policy) != hello.Policy {
		s.wishRate(rate, policy) // set while this session opened
	}
	t.ledger.begin(Event{Kind: EventSession, SessionID: use.SessionID, NodeID: spec.NodeID, NodeName: spec.NodeName, Transport: s.via.now})
	if hello.Listed {
		go pageNames(t.job.Pairs, o.ctl.sendBulk) // ends with the connection
	}
	err = s.run(ctx, newError(CodeCancelled, "the transfer was cancelled", nil))
	t.ledger.broke(s)
	t.mu.Lock()
	t.session = nil
	t.mu.Unlock()
	use.Bytes = s.bytes
	if s.snd != nil {
		s.mu.Lock()
		use.Resent = s.snd.Stats().Resent
		s.mu.Unlock()
	}
	return use, err
}

// newSession joins flow, job and disk.
func (t *Transfer) newSession(spec Spec, hello control.Hello, o *opened, end *clientEnd) (s *session, err error) {
	name := first(spec.NodeName, spec.NodeID, o.link.RemoteAddr().String())
	wish := t.job.Options.Transport
	sock, err := o.dataSocket(wish)
	if err != nil {
		return nil, err
	}
	s = newSession(o.ctl, sock, t.log, t.job.Options.Memory)
	defer func() {
		if err != nil {
			s.closeSockets()
		}
	}()
	if err = t.client.addLanes(s, o, hello.Flows); err != nil {
		return nil, err
	}
	if o.early != nil {
		s.origin, s.lanes[0].fsnd = o.early.origin, o.early.flow
	}
	s.peer, s.rtt, s.via.took = "node "+name, o.link.rtt, o.took
	s.mirrorFrom = first(t.client.mirrorFrom, mirrorRTT)
	s.via.wish, s.via.name, s.via.able = wish, o.link.carrier, o.accept.Stream
	s.via.changed = func(to Transport, why error) { t.ledger.emit(Event{Kind: EventTransport, Transport: to, Err: why}) }
	s.target, s.floor, s.policy = hello.Rate, hello.MinRate, Policy(o.accept.Policy)
	if o.accept.Rate > 0 && (s.target == 0 || o.accept.Rate < s.target) {
		s.target = o.accept.Rate
	}
	cfg := flow.Config{
		ConnID: wire.ConnID(o.accept.ConnID), Suite: Cipher(o.accept.Cipher).suite(),
		SendSecret: o.link.toNode, RecvSecret: o.link.toClient, Peer: o.link.data, Trusted: true, RTT: o.link.rtt,
		Policy: s.policy.congestion(), TargetRate: float64(s.target), MinRate: float64(s.floor),
		Parity: o.accept.Parity,
	}
	s.known = o.known
	s.known.brief(&cfg)
	s.onTick = func(now time.Duration) { t.ledger.tick(s, now) }
	if end.load != nil {
		end.load.totals = t.ledger.totals
		end.load.trouble = func(path string, code Code, message string) {
			t.ledger.failed(path, code, message)
		}
		s.onRemoved = t.ledger.removed
		err = s.send(cfg, job.SenderConfig{
			Memory: t.job.Options.Memory, Window: o.accept.Memory, Ask: o.accept.Ask,
			End: o.accept.End && !t.job.Options.Delete, // names go before it
			Ended: func(e job.Entry, outcome control.Outcome, code, message string) {
				end.load.ended(e, outcome)
				t.sealing.forget(e)
				if whole, ended := streamEnded(e, outcome, Code(code), message); ended {
					t.ledger.verdict(whole, e.Path, outcome, Code(code), message, end.local(e, ""))
				} else if outcome == control.Committed {
					t.ledger.piece(e.Size)
				}
			},
		}, end.load)
	} else {
		s.leaves = hello.Afterwards == ""
		report := func(e job.Entry, path string, outcome control.Outcome, code Code, message string) {
			if outcome != control.Committed && outcome != control.Skipped {
				s.leaves = false // the node has its word to say as well
			}
			if t.job.Options.Delete {
				t.ledger.name(path, end.land.dest)
			}
			t.ledger.verdict(e, path, outcome, code, message, end.local(e, path))
		}
		var land lander
		if end.sink {
			x := newSink(end.tape, &s.mu)
			x.report, land = report, x
		} else {
			end.land.report, end.land.transferID = report, o.accept.TransferID
			land = newLanding(*end.land, &s.mu)
		}
		s.onTotals = func(x control.Totals) { t.ledger.totals(x.Files, x.Bytes, x.Final) }
		s.onTrouble = func(x control.Trouble) {
			if x.Kept {
				t.ledger.kept(x.Path, Code(x.Code), x.Message)
				return
			}
			t.ledger.failed(x.Path, Code(x.Code), x.Message)
		}
		err = s.receive(cfg, &clientPool, land)
	}
	if err != nil {
		return nil, newError(CodeInternal, "no data path", err)
	}
	return s, nil
}

// addLanes opens the sockets of the further flows that the node grants. Where one
// cannot be opened the session goes on with those before it; to the node the others are
// flows that do not get through.
func (c *Client) addLanes(s *session, o *opened, asked int) error {
	if s.lanes[0].sock == nil {
		return nil
	}
	if len(o.accept.More) > max(flowsWanted(asked)-1, 0) {
		return newError(CodeProtocol, "the node offers more flows than it was asked for", nil)
	}
	dial := packetio.Dial
	if c.dialMore != nil {
		dial = c.dialMore
	}
	for _, id := range o.accept.More {
		sock, err := dial(o.link.data, packetio.Options{})
		if err != nil {
			s.log.Warn("no data socket for a further flow, the others go on", "flows", len(s.lanes), "granted", len(o.accept.More)+1, "error", err)
			return nil
		}
		err = s.addLane(sock, wire.ConnID(id), func(i int) ([]byte, []byte, error) {
			return laneSecrets(o.link.toNode, o.link.toClient, i)
		})
		if err != nil {
			_ = sock.Close()
			return err
		}
	}
	return nil
}

// dataSocket is the client's end of the datagrams; nil: there are none.
func (o *opened) dataSocket(wish Transport) (socket, error) {
	none := !o.link.data.IsValid() || o.accept.ConnID == 0
	if o.sock != nil {
		if !none {
			return o.sock, nil
		}
		_ = o.sock.Close()
	}
	switch {
	case wish == TransportTCP && !o.accept.Stream:
		return nil, newError(CodeProtocol, "the node takes data by UDP only", nil)
	case wish == TransportUDP && none:
		return nil, newError(CodeUnreachable, "the node takes no data by UDP", nil)
	case wish == TransportTCP || none:
		return nil, nil
	}
	sock, err := packetio.Dial(o.link.data, packetio.Options{})
	switch {
	case err == nil:
		return sock, nil
	case o.accept.Stream && wish == TransportAuto:
		return nil, nil // no network for UDP here: data ride the link
	default:
		return nil, newError(CodeUnreachable, "no data socket to the node", err)
	}
}

// clientEnd is the client's own disk: load for a push, land for a pull.
type clientEnd struct {
	load *loading
	land *landingConfig
	sink bool  // instead of land: nothing is written here
	tape *tape // of the sink; nil: thrown away
	dirs map[*store.Tree]string
}

func (e *clientEnd) add(t *store.Tree, dir string) {
	if e.dirs == nil {
		e.dirs = map[*store.Tree]string{}
	}
	e.dirs[t] = dir
}

func (e *clientEnd) close() {
	for t := range e.dirs {
		_ = t.Close()
	}
}

// local is where an object is on this side; path is that of a landing.
func (e *clientEnd) local(o job.Entry, path string) string {
	if e.land != nil {
		return filepath.Join(e.dirs[e.land.tree], filepath.FromSlash(path))
	}
	if f, ok := o.Source.(*sourceFile); ok && f.tree != nil {
		return filepath.Join(e.dirs[f.tree], filepath.FromSlash(f.entry.Path))
	}
	return ""
}

// remote is how a path of the node travels: no leading slash, "" is ".".
func remote(p string) string {
	p = strings.TrimLeft(p, "/")
	if p == "" {
		return "."
	}
	return p
}
