package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/transfer"
)

// failed tells a program that asked for JSON, and has none yet, why: a flag that does
// not exist, a cluster that nobody knows. A copy ends with a result as any other does;
// all else prints the error in the place of what was asked for.
func (a *app) failed(root *cobra.Command, args []string, err error) {
	c, rest, findErr := root.Find(args)
	switch {
	case a.answered || findErr != nil || !asksJSON(rest):
	case c.Name() == "cp":
		_ = jsonLine(a.streams, resultEvent(transfer.Event{}, transfer.Result{}, err))
	default:
		_ = jsonLine(a.streams, map[string]any{"error": err.Error(), "code": codeOf(err)})
	}
}

// asksJSON looks for --json and -o json among arguments, of which no parser may have
// come to the end.
func asksJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	for i, arg := range args {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case slices.Contains([]string{"--json", "--json=true", "-ojson", "-o=json", "--output=json"}, arg):
			return true
		case (arg == "-o" || arg == "--output") && next == "json":
			return true
		}
	}
	return false
}

// codeOf is the code of any error that a command ends with, in the words of the
// engine's codes.
func codeOf(err error) transfer.Code {
	if e, ok := errors.AsType[*transfer.Error](err); ok {
		return e.Code
	}
	switch exitCode(err) {
	case exitUsage:
		return transfer.CodeInvalid
	case exitAuth:
		return transfer.CodeUnauthorized
	case exitNotFound:
		return transfer.CodeNotFound
	case exitUnavailable:
		return transfer.CodeUnreachable
	}
	return transfer.CodeOf(err)
}
