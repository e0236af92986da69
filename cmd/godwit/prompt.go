package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// terminalOf is in as a terminal, or nil.
func terminalOf(in io.Reader) *os.File {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// prompt asks on a terminal and returns the line that is typed, without its end. A
// secret is not shown. Once ctx ends, so does the question, and the terminal is as it
// was; the reader stays behind until the command ends.
func prompt(ctx context.Context, tty *os.File, out io.Writer, question string, secret bool) (string, error) {
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	fmt.Fprint(out, question)
	go func() {
		var a answer
		if secret {
			var b []byte
			b, a.err = term.ReadPassword(int(tty.Fd()))
			a.text = string(b)
		} else {
			a.text, a.err = bufio.NewReader(tty).ReadString('\n')
		}
		got <- a
	}()
	select {
	case a := <-got:
		if secret {
			fmt.Fprintln(out)
		}
		return a.text, a.err
	case <-ctx.Done():
		_ = term.Restore(int(tty.Fd()), before)
		fmt.Fprintln(out)
		return "", ctx.Err()
	}
}
