package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/godwit/godwit/transfer"
)

// adjustable is what keys change of a running transfer.
type adjustable interface {
	Progress() transfer.Progress
	SetRate(rate int64)
	SetPolicy(p transfer.Policy)
}

// keyboard turns keys into rates and policies.
type keyboard struct {
	t      adjustable
	rate   int64 // bit/s as set; 0: no limit
	policy transfer.Policy
	paused bool
}

const (
	// pausedRate lets a paused transfer stay alive: a packet now and then.
	pausedRate = 8_000
	leastRate  = 100_000
)

// press acts on one key and says what it did; "" for keys that mean nothing.
func (k *keyboard) press(key byte) string {
	switch key {
	case '+', '=', '-', '_':
		factor := 1.25
		if key == '-' || key == '_' {
			factor = 0.8
		}
		from := k.rate
		if from == 0 {
			from = k.t.Progress().Rate
		}
		k.paused = false
		k.set(max(int64(float64(from)*factor), leastRate))
		return "rate " + rate(k.rate)
	case '0':
		k.paused = false
		k.set(0)
		return "rate: no limit"
	case 'p', ' ':
		k.paused = !k.paused
		if k.paused {
			k.t.SetRate(pausedRate)
			return "paused; p goes on"
		}
		k.t.SetRate(k.rate)
		return "going on"
	case 'h', 'f', 'l':
		k.policy = map[byte]transfer.Policy{'h': transfer.High, 'f': transfer.Fair, 'l': transfer.Low}[key]
		k.t.SetPolicy(k.policy)
		return "policy " + string(k.policy)
	}
	return ""
}

func (k *keyboard) set(rate int64) {
	k.rate = rate
	k.t.SetRate(rate)
}

// keysHelp stands in the progress line.
const keysHelp = " [+ - rate, h f l policy, p pause]"

// keys listens to the keyboard while t runs, if there is one and the progress
// line is shown. It begins when up is closed: until then ssh may ask for a password
// there. rate is what t was started with. stop gives the terminal back as it was.
func (p *progress) keys(s streams, t adjustable, rate int64, up <-chan struct{}) (stop func()) {
	in, ok := s.in.(*os.File)
	if p.bar == nil || !ok {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
			return
		case <-up:
		}
		restore, err := singleKeys(in)
		if err != nil {
			return // no terminal, or none that can
		}
		defer restore()
		p.note(keysHelp)
		k := &keyboard{t: t, rate: rate}
		eachKey(in, over, func(key byte) {
			if said := k.press(key); said != "" {
				p.note(fmt.Sprintf(" [%s]", said))
			}
		})
	}()
	return sync.OnceFunc(func() {
		close(over)
		<-done
	})
}

// note is what the progress line says of keys.
func (p *progress) note(hint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hint = hint
}
