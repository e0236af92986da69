package main

import (
	"slices"

	"github.com/spf13/pflag"
)

// refuseEmpty refuses flags that are given with nothing in them, as by a variable of
// a script that is not set: to do as if they were left out is not what was asked for,
// and without --encrypt-to files would arrive in the clear.
func refuseEmpty(f *pflag.FlagSet) (err error) {
	f.Visit(func(g *pflag.Flag) {
		if err == nil && empty(g.Value) {
			err = usagef("--%s is empty: give a value, or leave it out", g.Name)
		}
	})
	return err
}

// empty knows of values that are as they were written; others do not parse as nothing.
func empty(v pflag.Value) bool {
	if list, ok := v.(pflag.SliceValue); ok {
		return len(list.GetSlice()) == 0
	}
	return v.Type() == "string" && v.String() == ""
}

// idle are flags of cp that say something of what another flag does: with none of
// those given, they would do nothing.
var idle = []struct {
	flag, says string
	without    []string
}{
	{"max-delete", "bounds --delete, which is not given", []string{"delete"}},
	{"null", "(-0) is for a list: give --files-from or --pairs-from", []string{"files-from", "pairs-from"}},
	{"manifest-format", "is of receipts: give --manifest FILE", []string{"manifest"}},
}

// check refuses flags of cp that would be taken and do nothing, or nothing that was
// meant; remote is the side that is not here.
func (fl *copyFlags) check(f *pflag.FlagSet, remote location) error {
	if f.Changed("backup") && fl.backup == "" {
		return usagef("--backup= has no suffix: give one, or --backup alone, which takes the time")
	}
	if err := refuseEmpty(f); err != nil {
		return err
	}
	for _, i := range idle {
		if f.Changed(i.flag) && !slices.ContainsFunc(i.without, f.Changed) {
			return usagef("--%s %s", i.flag, i.says)
		}
	}
	return checkPlace(f, remote)
}

// checkPlace refuses flags that belong to another kind of place than remote is.
func checkPlace(f *pflag.FlagSet, remote location) error {
	if remote.ssh.Name != "" || remote.node != "" {
		for _, name := range []string{"key", "name"} {
			if f.Changed(name) {
				return usagef("--%s is for clusters, whose manager takes it; %s has none", name, remote.shown())
			}
		}
	}
	if remote.ssh.Name == "" {
		for _, name := range []string{"ssh", "remote-godwit"} {
			if f.Changed(name) {
				return usagef("--%s is for USER@HOST:PATH; %s is not reached over ssh", name, remote.shown())
			}
		}
	}
	return nil
}
