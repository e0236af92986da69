package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
	if secret {
		restore, err := noEcho(tty) // before anybody can answer, or be interrupted
		if err != nil {
			return "", fmt.Errorf("terminal: %w", err)
		}
		defer restore()
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	fmt.Fprint(out, question)
	go func() {
		text, err := bufio.NewReader(tty).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = usagef("%q was not answered", strings.TrimSuffix(question, ": "))
		}
		got <- answer{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case a := <-got:
		if secret {
			fmt.Fprintln(out)
		}
		return a.text, a.err
	case <-ctx.Done():
		fmt.Fprintln(out)
		return "", ctx.Err()
	}
}
