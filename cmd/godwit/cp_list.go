package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/godwit/godwit/transfer"
)

// maxListed is the longest line of a list: a path and what surrounds it.
const maxListed = 64 << 10

// list reads --files-from or --pairs-from; nil when neither was given.
func (fl *copyFlags) list(in io.Reader) ([]transfer.Pair, error) {
	name, pairs := fl.filesFrom, false
	switch {
	case fl.filesFrom != "" && fl.pairsFrom != "":
		return nil, usagef("--files-from and --pairs-from exclude each other")
	case fl.pairsFrom != "":
		name, pairs = fl.pairsFrom, true
	case fl.filesFrom == "":
		return nil, nil
	}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &transfer.Error{Code: transfer.CodeNotFound, Message: "list: " + err.Error()}
		}
		defer f.Close()
		in = f
	}
	lines, err := readList(in, fl.null)
	if err != nil {
		return nil, usagef("list %s: %v", name, err)
	}
	if len(lines) == 0 {
		return nil, usagef("list %s names nothing", name)
	}
	if !pairs {
		out := make([]transfer.Pair, len(lines))
		for i, l := range lines {
			out[i].Source = strings.TrimPrefix(l, "./")
		}
		return out, nil
	}
	if len(lines)%2 != 0 {
		return nil, usagef("list %s has %d lines: each thing needs two, where it is and where it goes", name, len(lines))
	}
	out := make([]transfer.Pair, len(lines)/2)
	for i := range out {
		out[i] = transfer.Pair{Source: strings.TrimPrefix(lines[2*i], "./"), Destination: strings.TrimPrefix(lines[2*i+1], "./")}
	}
	return out, nil
}

// readList splits a list at newlines, with or without a carriage return before
// them, or at NUL bytes. Empty lines name nothing.
func readList(in io.Reader, null bool) ([]string, error) {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 4096), maxListed)
	if null {
		s.Split(splitNull)
	}
	var out []string
	for s.Scan() {
		line := s.Text()
		if line == "" {
			continue
		}
		out = append(out, line)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, errors.New("a line is longer than any path; is it separated by NUL (-0)?")
	}
	return out, s.Err()
}

func splitNull(data []byte, end bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
