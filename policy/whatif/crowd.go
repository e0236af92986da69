package whatif

// session is one client's.
type session struct {
	bin     *bin
	node    *node
	inNode  int32 // its place among the node's sessions
	inBin   int32 // its place among the bin's
	arrived int64 // Unix time in nanoseconds, as the next
	waits   int64 // since when it has looked for a node
	movable bool
	young   bool
	gone    bool
}

// bin is all sessions of one rate and direction. Those who were refused are still
// counted by the recording.
type bin struct {
	rate     Rate
	way      way
	sessions []*session
	refused  int
	// counted and waiting are what the last sample said.
	counted, waiting int
	seen             int // the serial number of that sample; 0: it had nobody
}

// crowd is everybody.
type crowd struct {
	bins   [classes * int(ways)]bin
	active []*bin // have somebody
	serial int
	come   []*session
	// newest are the young ones, the oldest first.
	newest []*session
	// fresh is memory for the next ones: they are millions in a week.
	fresh []session
}

func (k *crowd) hold() *session {
	if len(k.fresh) == 0 {
		k.fresh = make([]session, 256)
	}
	c := &k.fresh[0]
	k.fresh = k.fresh[1:]
	return c
}

// follow makes as many go as went, and returns those who have come.
func (k *crowd) follow(w *world, s *Sample) []*session {
	k.serial++
	k.come = k.come[:0]
	sessions := 0
	for i := range s.Load {
		sessions += s.Load[i].Sessions
	}
	moves := 0.0
	if sessions > 0 {
		moves = float64(s.Movable) / float64(sessions)
	}
	k.age(w)
	for i := range s.Load {
		c := &s.Load[i]
		b := &k.bins[c.key()]
		if b.seen == 0 {
			b.rate, b.way = c.Rate, wayOf(c.Direction)
			k.active = append(k.active, b)
		}
		b.seen = k.serial
		come := max(c.Arrived+c.Waiting-b.waiting, 0)
		leave := b.counted + come - c.Sessions - c.Waiting
		switch {
		case leave < 0:
			come, leave = come-leave, 0
		case leave > b.counted: // they came and went since the last sample
			come, leave = come-(leave-b.counted), b.counted
		}
		b.counted, b.waiting = c.Sessions+c.Waiting, c.Waiting
		// Those who go were there before: nobody goes in the step of arrival.
		for range leave {
			k.leave(w, b)
		}
		for range come {
			k.arrive(w, b, moves)
		}
	}
	kept := k.active[:0]
	for _, b := range k.active {
		if b.seen == k.serial {
			kept = append(kept, b)
			continue
		}
		for range b.counted {
			k.leave(w, b)
		}
		b.counted, b.waiting, b.seen = 0, 0, 0
	}
	k.active = kept
	return k.come
}

func (k *crowd) arrive(w *world, b *bin, moves float64) {
	c := k.hold()
	now := w.now.UnixNano()
	*c = session{bin: b, inBin: int32(len(b.sessions)), arrived: now, waits: now, movable: w.rand.Float64() < moves, young: true}
	b.sessions = append(b.sessions, c)
	k.come = append(k.come, c)
	if !c.movable {
		k.newest = append(k.newest, c)
	}
}

// leave ends one session of a bin, whichever.
func (k *crowd) leave(w *world, b *bin) {
	all := len(b.sessions) + b.refused
	if all == 0 {
		return
	}
	at := w.rand.IntN(all)
	if at >= len(b.sessions) {
		b.refused--
		return
	}
	k.remove(w, b.sessions[at])
}

func (k *crowd) remove(w *world, c *session) {
	if c.node != nil {
		c.node.leave(w, c)
	}
	b := c.bin
	last := b.sessions[len(b.sessions)-1]
	b.sessions[c.inBin], last.inBin = last, c.inBin
	b.sessions = b.sessions[:len(b.sessions)-1]
	c.gone = true
}

// refuse sends a client away that waited for too long.
func (k *crowd) refuse(c *session) {
	k.remove(nil, c)
	c.bin.refused++
}

// age makes sessions old that cannot move.
func (k *crowd) age(w *world) {
	n, until := 0, w.now.Add(-youngFor).UnixNano()
	for ; n < len(k.newest) && k.newest[n].arrived <= until; n++ {
		c := k.newest[n]
		k.newest[n] = nil
		if c.gone {
			continue
		}
		if c.node == nil {
			c.young = false
			continue
		}
		c.node.count(w, c, -1)
		c.young = false
		c.node.count(w, c, 1)
	}
	k.newest = k.newest[n:]
}

func (n *node) take(w *world, c *session) {
	c.node, c.inNode = n, int32(len(n.sessions))
	n.sessions = append(n.sessions, c)
	n.count(w, c, 1)
}

func (n *node) leave(w *world, c *session) {
	n.count(w, c, -1)
	last := n.sessions[len(n.sessions)-1]
	n.sessions[c.inNode], last.inNode = last, c.inNode
	n.sessions = n.sessions[:len(n.sessions)-1]
	c.node = nil
}
