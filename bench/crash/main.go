// Command crash kills one end of a copy at a random moment, again and again, and
// looks whether the copy ends well: by itself when the server died, by running the
// same command again when the client did. Both trees must be the same then, and of
// what was durable at the destination less than a hundredth may have travelled
// again.
//
// The processes are real, and they are killed as kill -9 does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("crash", flag.ContinueOnError)
	godwit := f.String("godwit", "build/bin/godwit", "the program")
	dir := f.String("dir", "", "where the trees are made (default: a temporary directory)")
	bytes := f.Int64("bytes", 2<<30, "size of the tree")
	trials := f.Int("trials", 100, "copies that are killed midway")
	seed := f.Uint64("seed", 1, "of the first trial; the next ones count on")
	rate := f.String("rate", "", "of the copies (500M); default: as fast as it goes")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		made, err := os.MkdirTemp("", "godwit-crash-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made)
		*dir = made
	}
	b, err := open(ctx, *godwit, *dir, *bytes, 1)
	if err != nil {
		return err
	}
	defer func() { b.close() }()
	b.rate = *rate
	if err := b.measure(ctx); err != nil {
		return err
	}
	fmt.Printf("a copy of %d bytes takes %v when nobody dies\n", b.bytes, b.usual.Round(time.Millisecond))
	return b.trials(ctx, *seed, *trials)
}

// trials runs until so many copies were killed midway.
func (b *bench) trials(ctx context.Context, seed uint64, n int) error {
	var safe, again int64
	killed := map[string]int{}
	for done := 0; done < n; seed++ {
		o, err := b.trial(ctx, seed)
		if err != nil {
			return fmt.Errorf("trial %d: %w\nto see it again: %s", seed, err, b.replay(seed))
		}
		if !o.midway {
			fmt.Printf("trial %d: %v was done before anybody died\n", seed, o.way)
			continue
		}
		done++
		safe, again = safe+o.durable, again+o.again
		killed[o.way.String()+", "+o.victim]++
		fmt.Printf("trial %d: %v\n", seed, o)
	}
	fmt.Printf("%d copies killed midway (%v), all trees the same; of %d durable bytes %d travelled again\n", n, killed, safe, again)
	return nil
}
