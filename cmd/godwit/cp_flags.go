package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/transfer"
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/spelling"
)

// copyFlags are the flags of cp.
type copyFlags struct {
	recursive bool
	dryRun    bool

	rate, min bitRate
	policy    string
	cipher    string
	flows     int
	transport string
	ssh       sshFlags
	retries   int
	memory    bool

	filesFrom, pairsFrom string
	null                 bool
	rules                []filter.Rule
	newer, older         when
	minSize, maxSize     byteSize
	symlinks             string
	grow                 time.Duration

	overwrite string
	backup    string
	resume    bool
	sparse    bool
	preserve  []string
	all       bool
	discard   bool

	deleteExtras bool
	maxDelete    int64
	removeSource bool
	moveSource   string
	emptyDirs    bool

	manifest, manifestFormat, checksum string

	encrypt, decrypt         bool
	encryptTo                []string
	identity, passphraseFile string

	json, quiet bool
	key, name   string
}

// add defines the flags on c. fl must outlive it.
func (fl *copyFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.BoolVarP(&fl.recursive, "recursive", "r", false, "copy directories")
	f.BoolVarP(&fl.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")

	f.Var(&fl.rate, "rate", "target rate, bits per second (500M, 2G); default: as fast as the path allows")
	f.Var(&fl.min, "min-rate", "floor of the rate under congestion")
	f.StringVar(&fl.policy, "policy", "", "sharing with other traffic: fixed, high, fair (default) or low")
	fl.ssh.add(f)
	f.StringVar(&fl.transport, "transport", "auto", "what data ride: udp, tcp, or auto: UDP unless it is blocked")
	memoryFlag(f, &fl.memory)
	f.IntVar(&fl.flows, "flows", 1, "UDP flows that carry the data together, where the path limits each of them (at most 16)")
	f.StringVar(&fl.cipher, "cipher", "", "aes-128-gcm (default), aes-256-gcm or chacha20-poly1305")
	f.IntVar(&fl.retries, "retries", 10, "sessions that may fail in a row without progress")

	f.StringVar(&fl.filesFrom, "files-from", "", "copy only what this file lists, a path below SRC a line; - is standard input")
	f.StringVar(&fl.pairsFrom, "pairs-from", "", "the same with two lines for each: path below SRC, path below DST")
	f.BoolVarP(&fl.null, "null", "0", false, "lists are separated by NUL instead of newlines")
	f.Var(&ruleFlag{to: &fl.rules}, "exclude", "leave out what matches the pattern; with --include the first that matches decides")
	f.Var(&ruleFlag{to: &fl.rules, include: true}, "include", "copy what matches the pattern, whatever a later --exclude says")
	f.Var(&fl.newer, "newer-than", "only files modified after this time (2026-03-01, or 24h for that long ago)")
	f.Var(&fl.older, "older-than", "only files modified before this time")
	f.Var(&fl.minSize, "min-size", "only files of at least so many bytes (10M)")
	f.Var(&fl.maxSize, "max-size", "only files of at most so many bytes")
	f.StringVar(&fl.symlinks, "symlinks", "copy", "symbolic links: copy, copy+force, follow or skip")
	f.DurationVar(&fl.grow, "grow", 0, "SRC is still being written: send it until it has not grown for so long (10s)")

	f.StringVar(&fl.overwrite, "overwrite", "diff", "existing files: never, always, diff, older, diff+older")
	f.StringVar(&fl.backup, "backup", "", "keep what is replaced under its name with this at the end; alone: the time")
	f.Lookup("backup").NoOptDefVal = backupTime
	f.BoolVar(&fl.resume, "resume", true, "continue part files of an earlier run")
	f.BoolVar(&fl.sparse, "sparse", true, "leave holes of sparse files out and keep them")
	f.StringSliceVar(&fl.preserve, "preserve", []string{"times", "modes"}, "what is kept: times, modes, atimes, owners, acls, xattrs, all or none")
	f.BoolVarP(&fl.all, "preserve-all", "p", false, "the same as --preserve=all")
	f.BoolVar(&fl.discard, "discard", false, "the receiver verifies and throws away what arrives: to test a path")

	f.BoolVar(&fl.deleteExtras, "delete", false, "when all has arrived, delete at the destination what the sources do not have")
	f.Int64Var(&fl.maxDelete, "max-delete", 1000, "delete nothing when there is more than this; -1: no bound")
	f.BoolVar(&fl.removeSource, "remove-source", false, "remove each source file once it has arrived")
	f.StringVar(&fl.moveSource, "move-source", "", "move each source file into this directory once it has arrived")
	f.BoolVar(&fl.emptyDirs, "remove-empty-dirs", false, "with these, directories of the sources that are empty then as well")

	f.StringVar(&fl.manifest, "manifest", "", "write a receipt for each file to this file")
	f.StringVar(&fl.manifestFormat, "manifest-format", "json", "json, or text as b3sum --check reads it")
	f.StringVar(&fl.checksum, "checksum", "blake3", "of receipts: blake3, or sha-256 too, for which each file is read once more here")

	f.BoolVar(&fl.encrypt, "encrypt", false, "encrypt each file here with a passphrase, in the age format; it arrives as NAME.age")
	f.StringSliceVar(&fl.encryptTo, "encrypt-to", nil, "the same to public keys (age1…, or a file of them)")
	f.BoolVar(&fl.decrypt, "decrypt", false, "decrypt files whose names end in .age with a passphrase, once they have arrived here")
	f.StringVar(&fl.identity, "identity", "", "decrypt with the private keys in this file")
	f.StringVar(&fl.passphraseFile, "passphrase-file", "", "take the passphrase from the first line of this file, instead of "+passphraseEnv+" or asking")

	f.BoolVar(&fl.json, "json", false, "print events as JSON lines instead of progress")
	f.BoolVarP(&fl.quiet, "quiet", "q", false, "print errors only")
	f.StringVar(&fl.key, "key", "", "access key to copy for, when signed in as an operator")
	f.StringVar(&fl.name, "name", "", "name of the transfer in the console")
	complete := func(flag string, values ...string) {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	complete("policy", "fixed", "high", "fair", "low")
	complete("overwrite", "never", "always", "diff", "older", "diff+older")
	complete("transport", "auto", "udp", "tcp")
	complete("cipher", "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305")
	complete("symlinks", "copy", "copy+force", "follow", "skip")
	complete("preserve", "times", "modes", "atimes", "owners", "acls", "xattrs", "all", "none")
	complete("manifest-format", "json", "text")
	complete("checksum", "blake3", "sha-256")
}

// backupTime stands for a suffix that no other run has.
const backupTime = "TIME"

// options are the flags as the engine takes them.
func (fl *copyFlags) options() (transfer.Options, error) {
	o := transfer.Options{
		Rate: int64(fl.rate), MinRate: int64(fl.min), Policy: transfer.Policy(fl.policy),
		Overwrite: transfer.Overwrite(fl.overwrite), NoResume: !fl.resume,
		Cipher: transfer.Cipher(fl.cipher), Transport: transport(fl.transport), Symlinks: transfer.Symlinks(fl.symlinks), Retries: fl.retries,
		Flows: fl.flows,
		Dense: !fl.sparse, DryRun: fl.dryRun, Discard: fl.discard, Backup: fl.backup,
		Delete: fl.deleteExtras, MaxDelete: fl.maxDelete,
		EmptyDirs: fl.emptyDirs, MoveTo: fl.moveSource,
		Filter: filter.Spec{Rules: fl.rules, MinSize: int64(fl.minSize), MaxSize: int64(fl.maxSize)},
	}
	if fl.retries < 0 || fl.grow < 0 {
		return o, usagef("--retries and --grow take no number below 0")
	}
	if fl.flows == 0 { // which the engine takes for its default
		return o, usagef("--flows 0 would carry nothing: give 1 to 16")
	}
	if fl.retries == 0 {
		o.Retries = -1
	}
	if o.Backup == backupTime {
		o.Backup = time.Now().UTC().Format("~20060102T150405Z")
	}
	if fl.newer.text != "" {
		o.Filter.NewerThan = fl.newer.time().UnixNano()
	}
	if fl.older.text != "" {
		o.Filter.OlderThan = fl.older.time().UnixNano()
	}
	switch {
	case fl.removeSource && fl.moveSource != "":
		return o, usagef("--remove-source and --move-source exclude each other")
	case fl.removeSource:
		o.Afterwards = transfer.AfterRemove
	case fl.moveSource != "":
		o.Afterwards = transfer.AfterMove
	}
	switch {
	case o.Delete && fl.maxDelete == 0:
		return o, usagef("--max-delete 0 would delete nothing: leave out --delete")
	case fl.maxDelete < -1:
		return o, usagef("--max-delete %d is no number of files; -1: no bound", fl.maxDelete)
	}
	return o, fl.keep(&o)
}

// keep reads --preserve.
func (fl *copyFlags) keep(o *transfer.Options) error {
	list := fl.preserve
	if fl.all {
		list = []string{"all"}
	}
	o.NoPreserveTimes, o.NoPreserveModes = true, true
	for _, what := range list {
		switch what {
		case "none":
			if len(list) > 1 {
				return usagef("--preserve none stands alone")
			}
		case "all":
			o.NoPreserveTimes, o.NoPreserveModes, o.Preserve = false, false, transfer.Attributes()
		case "times":
			o.NoPreserveTimes = false
		case "modes":
			o.NoPreserveModes = false
		default:
			a := transfer.Attribute(what)
			if !a.Valid() {
				return usagef("--preserve %q is not times, modes, atimes, owners, acls, xattrs, all or none", what)
			}
			if !slices.Contains(o.Preserve, a) {
				o.Preserve = append(o.Preserve, a)
			}
		}
	}
	return nil
}

// ruleFlag collects --include and --exclude in the order in which they are given.
type ruleFlag struct {
	to      *[]filter.Rule
	include bool
}

var _ pflag.Value = (*ruleFlag)(nil)

func (r *ruleFlag) String() string { return "" }

// Type names the kind of value in --help.
func (r *ruleFlag) Type() string { return "pattern" }

// Set adds a rule.
func (r *ruleFlag) Set(s string) error {
	if !utf8.ValidString(s) {
		return usagef("%s is no UTF-8, which patterns are; ? and * stand for other bytes too", spelling.Text(s))
	}
	rule := filter.Rule{Include: r.include, Pattern: s}
	if _, err := filter.New(filter.Spec{Rules: []filter.Rule{rule}}); err != nil {
		return usageError{err}
	}
	*r.to = append(*r.to, rule)
	return nil
}

// byteSize is a flag value in bytes: 10M, 1.5G, 4096. Units are of 1024.
type byteSize int64

func (b *byteSize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Type names the kind of value in --help.
func (b *byteSize) Type() string { return "size" }

// Set reads a number with an optional k, M, G or T, also as KiB or KB.
func (b *byteSize) Set(s string) error {
	number := strings.TrimSpace(s)
	for _, unit := range []string{"iB", "B", "b"} {
		number = strings.TrimSuffix(number, unit)
	}
	factor := 1.0
	if n := len(number); n > 0 {
		if i := strings.IndexByte("KMGT", number[n-1]&^0x20); i >= 0 && number[n-1] > '9' {
			number = number[:n-1]
			for range i + 1 {
				factor *= 1024
			}
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v < 0 || v != v || v*factor > 1<<60 {
		return usagef("%q is no size in bytes; write 4096, 10M or 1.5G", s)
	}
	*b = byteSize(v * factor)
	return nil
}

// parseSynthetic reads random://SIZE, random://COUNTxSIZE and the same of zero.
func parseSynthetic(s string) (*transfer.Synthetic, bool, error) {
	rest, random := strings.CutPrefix(s, "random://")
	rest, zero := strings.CutPrefix(rest, "zero://")
	if random == zero {
		return nil, false, nil
	}
	made := &transfer.Synthetic{Zero: zero, Files: 1}
	if count, each, many := strings.Cut(rest, "x"); many {
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 1 {
			return nil, true, usagef("%q: write random://10G, or random://1000x64k for a thousand files", s)
		}
		made.Files, rest = n, each
	}
	var size byteSize
	if err := size.Set(rest); err != nil {
		return nil, true, fmt.Errorf("%q: %w", s, err)
	}
	made.Size = int64(size)
	return made, true, nil
}
