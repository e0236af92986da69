package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/transfer"
)

// failedEarly tells a script that asked for JSON of an error that came before there
// was a job: a flag that does not exist, a cluster that nobody knows. A copy ends
// with a result as any other does; a probe prints the error in the place of its report.
func failedEarly(s streams, root *cobra.Command, args []string, err error) {
	c, rest, findErr := root.Find(args)
	if findErr != nil || !asksJSON(rest) {
		return
	}
	switch c.Name() {
	case "cp":
		jsonLine(s, resultEvent(transfer.Event{}, transfer.Result{}, err))
	case "probe":
		jsonLine(s, map[string]any{"error": err.Error(), "code": codeOf(err)})
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
