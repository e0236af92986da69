package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/store"
	"github.com/godwit/godwit/transfer/wire"
)

// serverSession is one session as the server's methods see it.
type serverSession struct {
	server *Server
	ctl    *controlConn
	grant  Grant
	hello  control.Hello
	memory int64 // bytes in flight and in buffers

	mu       sync.Mutex // after session.mu where both are held
	status   SessionStatus
	wish     int64          // target that the client wants
	limit    int64          // target that an operator set; 0: none
	live     *session       // nil before the data path is up
	filter   *filter.Filter // what of the sources is meant
	preserve []Attribute    // beyond times and modes, as granted
	files    []FileOutcome
	pulse    meter // wire bytes, for the virtual link
	seen     int64 // data bytes counted in the totals
	told     time.Time
}

// Status is the session now.
func (x *serverSession) Status() SessionStatus {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status
}

// policy is the client's, no stronger than the grant allows.
func (x *serverSession) policy() Policy {
	strength := map[Policy]int{Low: 1, Fair: 2, High: 3, Fixed: 4}
	p := first(Policy(x.hello.Policy), Fair)
	if m := x.grant.MaxPolicy; m != "" && strength[p] > strength[m] {
		return m
	}
	return p
}

// target is the least of what client, grant, operator and node say; 0: no
// limit.
func (x *serverSession) target() int64 {
	wish, most := x.server.sessionRates()
	if x.wish > 0 {
		wish = x.wish
	}
	t := int64(0)
	for _, r := range []int64{wish, most, x.grant.MaxRate, x.limit} {
		if r > 0 && (t == 0 || r < t) {
			t = r
		}
	}
	return t
}

// apply brings wish, limit and policy to the flow.
func (x *serverSession) apply() {
	x.mu.Lock()
	x.status.Target = x.target()
	target, policy, live := x.status.Target, x.status.Policy, x.live
	x.mu.Unlock()
	if live == nil {
		return
	}
	live.mu.Lock()
	defer live.mu.Unlock()
	live.target, live.policy = target, policy
	live.setRates()
}

func (x *serverSession) setRate(rate int64) {
	x.mu.Lock()
	x.limit = max(rate, 0)
	x.mu.Unlock()
	x.apply()
}

func (x *serverSession) setPolicy(p Policy) {
	x.mu.Lock()
	x.status.Policy = p
	x.mu.Unlock()
	x.apply()
}

// wished takes a Rate frame; the session's lock is held.
func (x *serverSession) wished(r control.Rate) {
	x.mu.Lock()
	if r.Rate != nil {
		x.wish = max(*r.Rate, 0)
	}
	if p := Policy(r.Policy); p != "" && p.Valid() {
		x.hello.Policy = r.Policy
		x.status.Policy = x.policy()
	}
	x.status.Target = x.target()
	x.live.target, x.live.policy = x.status.Target, x.status.Policy
	x.mu.Unlock()
	x.live.setRates()
}

// move asks the client to go; what is on its way lands first.
func (x *serverSession) move() {
	x.mu.Lock()
	again := x.status.Moving
	x.status.Moving = true
	live := x.live
	x.mu.Unlock()
	if again || live == nil { // serve looks when it goes live
		return
	}
	_ = x.ctl.sendJSON(control.TypeMove, control.Move{})
	live.mu.Lock()
	defer live.mu.Unlock()
	live.stop()
}

// cancel ends the session with why.
func (x *serverSession) cancel(why *Error) {
	x.mu.Lock()
	live := x.live
	x.mu.Unlock()
	if live != nil {
		live.fail(why)
		return
	}
	_ = x.ctl.sendJSON(control.TypeClose, closeFrame(why))
	go x.ctl.close()
}

// serve runs the session until it ends and returns why.
func (x *serverSession) serve(ctx context.Context, l *link) error {
	var err error
	if Direction(x.hello.Direction) == List {
		if err = x.list(); err != nil {
			x.server.refuse(x.ctl, l, err)
			return err
		}
		x.ctl.close()
		return nil
	}
	s, release, err := x.prepare(l) //nolint:contextcheck // opening a UDP socket does not wait
	if err != nil {
		x.ended(err)
		x.server.refuse(x.ctl, l, err)
		return err
	}
	defer release()
	x.event(SessionStarted, nil)
	if !x.grant.Expires.IsZero() {
		var cancel context.CancelFunc
		timer := time.AfterFunc(x.grant.Expires.Sub(x.server.now()), func() {
			s.fail(newError(CodeExpired, "the credential of this transfer has expired: ask for a new one", nil))
		})
		defer timer.Stop()
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	x.mu.Lock()
	x.live = s
	moving := x.status.Moving
	x.status.Moving = false
	x.mu.Unlock()
	x.apply() // what changed while the data path was made
	if moving {
		x.move()
	}
	err = s.run(ctx, newError(CodeMoved, "the node stops serving", nil))
	s.mu.Lock()
	x.tick(s, s.now())
	s.mu.Unlock()
	x.ended(err)
	x.server.savePaths(pathsEvery)
	return err
}

// prepare opens root and data path and accepts.
func (x *serverSession) prepare(l *link) (s *session, release func(), err error) {
	status := x.Status()
	tree, err := x.openTree()
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = tree.Close()
		}
	}()
	port, early, err := x.openPort()
	if err != nil {
		return nil, nil, err
	}
	var sock socket // a nil one where there is no port
	var id wire.ConnID
	if port != nil {
		sock, id = port, port.ID()
		defer func() {
			if err != nil {
				_ = port.Close()
			}
		}()
	}
	more, err := x.openMore(port)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			closePorts(more)
		}
	}()
	if from := addrOf(l.RemoteAddr()).Addr(); port != nil && from.IsValid() && x.hello.DataPort != 0 {
		if err := port.Expect(l.local, netip.AddrPortFrom(from, x.hello.DataPort)); err != nil {
			x.server.log.Debug("no socket of its own for a session", "peer", from, "error", err)
		}
	}
	s = newSession(x.ctl, sock, x.server.log.With("session", status.ID), x.memory)
	s.peer, s.rtt = "the client", time.Duration(min(x.hello.RTTMicros, 10_000_000))*time.Microsecond
	s.local, s.mirrorFrom = l.local, first(x.server.mirrorFrom, mirrorRTT)
	for _, p := range more {
		if err = s.addLane(p, p.ID(), func(i int) ([]byte, []byte, error) { return laneSecrets(l.toClient, l.toNode, i) }); err != nil {
			return nil, nil, err
		}
	}
	s.via.wish, s.via.name, s.via.able = Transport(x.hello.Transport), l.carrier, x.hello.Stream
	s.target, s.floor, s.policy = status.Target, status.MinRate, status.Policy
	s.known = acquaint(x.server.config.Paths, netip.Addr{}, addrOf(l.RemoteAddr()).Addr())
	link := x.server.send
	if status.Direction == Push {
		link = x.server.receive
	}
	seat := x.sit(link)
	defer func() {
		if err != nil {
			seat.leave()
		}
	}()
	cfg := flow.Config{
		ConnID: id, Suite: status.Cipher.suite(), SendSecret: l.toClient, RecvSecret: l.toNode, RTT: s.rtt,
		Policy: s.policy.congestion(), TargetRate: float64(seat.bound(s.target)), MinRate: float64(s.floor),
		Parity: x.hello.Parity,
	}
	if early {
		if cfg.SendSecret, cfg.RecvSecret, err = earlySecrets(l.toClient, l.toNode); err != nil {
			return nil, nil, err
		}
	}
	s.known.brief(&cfg)
	if at, ok := x.server.notary.Address(x.hello.Note); ok && port != nil && status.Direction == Pull {
		cfg.Peer, cfg.Proven = at, true
	}
	accept := control.Accept{
		Version: control.Version, SessionID: status.ID, TransferID: status.TransferID, Stream: true,
		NodeID: x.server.config.NodeID, NodeName: x.server.config.NodeName, ConnID: uint64(id),
		Cipher: string(status.Cipher), Policy: string(status.Policy), Rate: status.Target,
		MinRate: status.MinRate, Memory: x.memory, Parity: parityOf(x.memory), End: true, Early: early, Quick: l.quick != nil,
	}
	for _, p := range more {
		accept.More = append(accept.More, uint64(p.ID()))
	}
	if status.Direction == Push {
		err = x.prepareLanding(s, cfg, tree, &accept)
	} else {
		err = x.prepareLoading(s, cfg, tree)
	}
	if err != nil {
		return nil, nil, err
	}
	s.onRate = x.wished
	s.onTick = func(now time.Duration) {
		x.balance(s, seat, now)
		x.tick(s, now)
	}
	x.balance(s, seat, 0)
	if s.rcv != nil {
		s.advertise() // with the first report: a fast path brings megabytes before the first tick
	}
	if err = x.ctl.sendJSON(control.TypeAccept, accept); err != nil {
		return nil, nil, err
	}
	l.tell(control.TypeAccept, accept)
	return s, func() {
		seat.leave()
		_ = tree.Close()
	}, nil
}

// prepareLanding sets up a push.
func (x *serverSession) prepareLanding(s *session, cfg flow.Config, tree *store.Tree, accept *control.Accept) error {
	h := &x.hello
	overwrite, err := store.ParseOverwrite(h.Overwrite)
	if err != nil {
		return newError(CodeProtocol, err.Error(), nil)
	}
	if h.Discard {
		sink := newSink(nil, &s.mu)
		sink.report = x.landed
		s.onTotals = func(t control.Totals) { x.totals(t.Files, t.Bytes) }
		return s.receive(cfg, &x.server.pool, sink)
	}
	land := landingConfig{
		tree: tree, dest: x.status.Paths[0], overwrite: overwrite, transferID: x.status.TransferID, epoch: h.Epoch,
		resumes: h.Attempt > 1, noResume: h.NoResume, noTimes: h.NoTimes, noModes: h.NoModes,
		force: Symlinks(h.Symlinks) == SymlinksForce, backup: h.Backup, attributes: keep(x.preserve), dry: h.DryRun,
		report: x.landed,
	}
	if h.DryRun {
		land.report = func(job.Entry, string, control.Outcome, Code, string) {} // nothing happened
	}
	there, err := tree.Stat(land.dest)
	if err == nil && there.Kind == store.KindSymlink {
		if _, _, lerr := tree.List(land.dest+"/.", "", 1); lerr == nil {
			there.Kind = store.KindDir
		}
	}
	isDir := err == nil && there.Kind == store.KindDir
	if land.rename = h.Single && !h.Into && !isDir && land.dest != "."; land.rename && !strings.HasSuffix(land.dest, h.Suffix) {
		land.dest += h.Suffix
		there, err = tree.Stat(land.dest)
		isDir = err == nil && there.Kind == store.KindDir
		land.rename = !isDir
	}
	if h.Named && isDir {
		return newError(CodeInvalid, land.dest+" is a directory at the node, and a stream has no name of its own: give the file's name", nil)
	}
	if err == nil && !isDir && !land.rename {
		return newError(CodeInvalid, fmt.Sprintf("%s is a file at the node: give a directory", land.dest), nil)
	}
	if errors.Is(err, store.ErrPath) {
		return newError(CodePath, err.Error(), nil)
	}
	// A fresh destination lets the client send without asking.
	accept.Ask = h.Attempt > 1 || h.DryRun || mayHave(tree, land.dest, land.rename, h.Names)
	land.clears = accept.Ask
	s.onTotals = func(t control.Totals) { x.totals(t.Files, t.Bytes) }
	if d := h.Delete; d != nil {
		s.pruning = &pruning{
			tree: tree, dest: land.dest, scopes: d.Scopes, filter: x.filter, links: Symlinks(h.Symlinks) == SymlinksSkip, max: d.Max, dry: h.DryRun,
		}
	}
	return s.receive(cfg, &x.server.pool, newLanding(land, &s.mu))
}

// prepareLoading sets up a pull.
func (x *serverSession) prepareLoading(s *session, cfg flow.Config, tree *store.Tree) error {
	h := &x.hello
	symlinks, err := store.ParseSymlinks(h.Symlinks)
	if err != nil {
		return newError(CodeProtocol, err.Error(), nil)
	}
	load := &loading{
		pool: &x.server.pool, symlinks: symlinks, scope: []byte("godwit"), filter: x.filter, dense: h.Dense, attributes: keep(x.preserve),
	}
	if h.Listed {
		load.names = &names{}
	}
	for i, p := range x.status.Paths {
		if h.Synthetic != nil {
			made, err := parseSynthetic(h.Synthetic)
			if err != nil {
				return err
			}
			load.sources = []source{{synthetic: made, seed: h.Synthetic.Seed, name: made.Kind()}}
			break
		}
		e, err := tree.Stat(p)
		if err != nil {
			return newError(sourceCode(err), fmt.Sprintf("cannot read %s at the node", p), cause(err))
		}
		if h.Flat && e.Kind == store.KindDir {
			return newError(CodeInvalid, p+" is a directory at the node, and directories were not asked for (-r copies it with all that is in it)", nil)
		}
		src := source{tree: tree, path: p}
		if raw := h.Paths[i]; raw[len(raw)-1] != '/' && p != "." {
			src.name = path.Base(p)
		}
		load.sources = append(load.sources, src)
	}
	load.totals = func(files, bytes int64, _ bool) { x.totals(files, bytes) }
	load.trouble = func(path string, code Code, message string) {
		_ = x.ctl.sendJSON(control.TypeTrouble, control.Trouble{Path: path, Code: string(code), Message: message})
		x.outcome(FileOutcome{Path: path, Outcome: outcomeFailed, Code: code, Message: message}, false)
	}
	load.unread = func(path string, code Code, message string) {
		_ = x.ctl.sendJSON(control.TypeTrouble, control.Trouble{Path: path, Code: string(code), Message: message})
	}
	if h.Afterwards != "" {
		load.after = x.afterwards(tree)
	}
	return s.send(cfg, job.SenderConfig{
		Memory: x.memory, Window: first(h.Memory, DefaultMemory), Ask: h.Ask, End: h.End,
		Ended: func(e job.Entry, outcome control.Outcome, code, message string) {
			load.ended(e, outcome)
			if !h.DryRun {
				x.landed(e, e.Path, outcome, Code(code), message)
			}
			if outcome == control.Failed && Code(code) == CodeMismatch { // the receiver hoped for another attempt
				_ = x.ctl.sendJSON(control.TypeTrouble, control.Trouble{Path: e.Path, Code: code, Message: message})
			}
		},
	}, load)
}

// openTree opens the root of the grant, or the base in it.
func (x *serverSession) openTree() (*store.Tree, error) {
	root, err := x.grant.OpenRoot()
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, newError(CodeIO, "the storage of this access key is not there", err)
	}
	if x.grant.BasePath == "" {
		return store.New(root, store.Options{}), nil
	}
	defer root.Close()
	base, err := store.Clean(remote(x.grant.BasePath))
	if err != nil {
		return nil, newError(CodePath, err.Error(), nil)
	}
	if err := root.MkdirAll(base, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, newError(storeCode(err), "cannot create the base directory", cause(err))
	}
	sub, err := root.OpenRoot(base)
	if err != nil {
		return nil, newError(storeCode(err), "cannot open the base directory", cause(err))
	}
	return store.New(sub, store.Options{}), nil
}

// openPort gives the session its place on the UDP port; nil: it has none. early
// says that it is the one under which the client has begun to send.
func (x *serverSession) openPort() (port *packetio.Port, early bool, err error) {
	s, h := x.server, &x.hello
	wish := Transport(h.Transport)
	switch {
	case s.udp == nil && wish == TransportUDP:
		return nil, false, newError(CodeUnreachable, "the node takes no data by UDP", nil)
	case s.udp == nil || wish == TransportTCP:
		return nil, false, nil
	}
	if id := wire.ConnID(h.ConnID); id != 0 && h.ConnID <= wire.ConnIDMost && h.Early == string(x.status.Cipher) && Direction(h.Direction) == Push {
		if port, err = s.udp.Open(id); !errors.Is(err, packetio.ErrInUse) {
			return port, err == nil, err
		}
	}
	port, err = s.openAny()
	return port, false, err
}

// openMore gives the session the further flows that it was asked for; none where
// there is no first.
func (x *serverSession) openMore(port *packetio.Port) (more []*packetio.Port, err error) {
	if port == nil || x.hello.DryRun {
		return nil, nil
	}
	for range flowsWanted(x.hello.Flows) - 1 {
		p, err := x.server.openAny()
		if err != nil {
			closePorts(more)
			return nil, err
		}
		more = append(more, p)
	}
	return more, nil
}

// openAny opens a port under an id of its own.
func (s *Server) openAny() (port *packetio.Port, err error) {
	for {
		if port, err = s.udp.Open(newConnID()); !errors.Is(err, packetio.ErrInUse) {
			return port, err
		}
	}
}
