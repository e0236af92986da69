package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// consoleWords are what expressions of the console's sources stand for where a
// command line depends on it; any other expression stands for a value.
var consoleWords = map[string][]string{
	"a.name": {"drain", "undrain", "terminate"},
	"end":    {"", " --preview"},
	"when":   {"2026-03-01T08:00:00Z"},
}

// TestCommandLinesOfTheConsoleAreUnderstood holds each command line that the
// console shows against the commands that there are, with flags and arguments.
func TestCommandLinesOfTheConsoleAreUnderstood(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("../../web/src", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".ts") && !strings.HasSuffix(path, ".tsx") || strings.HasSuffix(path, ".d.ts") || strings.Contains(path, ".test.") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(source), "\n") {
			for _, shown := range shownCommands(line) {
				seen++
				if err := understood(shown); err != nil {
					t.Errorf("%s:%d shows %q: %v", path, n+1, shown, err)
				}
			}
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d command lines found: %v", seen, err)
	}
}

var commandStart = regexp.MustCompile(`\bgodwit [a-z]`)

// shownCommands are the command lines in one line of TypeScript, once for each
// way in which its expressions may turn out.
func shownCommands(line string) []string {
	var out []string
	if strings.HasPrefix(strings.TrimSpace(line), "//") {
		return nil
	}
	for {
		at := commandStart.FindStringIndex(line)
		if at == nil {
			return out
		}
		texts, rest := expand(line[at[0]:], "\"'`<")
		for _, text := range texts {
			for _, part := range regexp.MustCompile(`&&|\|`).Split(text, -1) {
				if part = strings.TrimSpace(part); strings.HasPrefix(part, "godwit ") && !slices.Contains(out, part) {
					out = append(out, part)
				}
			}
		}
		line = rest
	}
}

// expand reads text up to one of ends, with {expressions} and ${expressions}
// replaced by what they may be, and gives what follows.
func expand(s, ends string) (texts []string, rest string) {
	texts = []string{""}
	for i := 0; i < len(s); i++ {
		switch {
		case strings.IndexByte(ends, s[i]) >= 0:
			return texts, s[i+1:]
		case s[i] == '{':
			expression, after := balanced(s[i+1:])
			for k := range texts {
				texts[k] = strings.TrimSuffix(texts[k], "$")
			}
			texts = product(texts, alternatives(expression))
			i = len(s) - len(after) - 1
		default:
			texts = product(texts, []string{s[i : i+1]})
		}
	}
	return texts, ""
}

func product(heads, tails []string) []string {
	var out []string
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, h+t)
		}
	}
	return out
}

// balanced cuts s at the brace that closes what was open before it.
func balanced(s string) (inside, after string) {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// alternatives are what an expression may be: the texts written in it, or a value.
func alternatives(expression string) []string {
	if words, known := consoleWords[strings.TrimSpace(expression)]; known {
		return words
	}
	var out []string
	for rest := expression; ; {
		i := strings.IndexAny(rest, "'`")
		if i < 0 {
			break
		}
		var texts []string
		texts, rest = expand(rest[i+1:], rest[i:i+1])
		for _, t := range texts {
			if t == "" || strings.TrimSpace(t) != "" {
				out = append(out, t)
			}
		}
	}
	for name, words := range consoleWords {
		if strings.HasSuffix(expression, ": "+name) {
			out = append(out, words...)
		}
	}
	if len(out) == 0 {
		return []string{"1"}
	}
	return out
}

// understood says what is wrong with a command line; nothing is carried out.
func understood(text string) error {
	root := newRoot(streams{strings.NewReader(""), io.Discard, io.Discard})
	words := strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(text))
	c, rest, err := root.Find(words[1:])
	switch {
	case err != nil:
		return err
	case c.HasSubCommands():
		return fmt.Errorf("%s is no command but holds some", c.CommandPath())
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err
	}
	if err := c.ValidateRequiredFlags(); err != nil {
		return err
	}
	return c.ValidateFlagGroups()
}

func TestCommandLinesAreReadFromSources(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"<Same command={`godwit node list${cluster ? ` --cluster ${cluster}` : ''}`} />": {"godwit node list --cluster 1", "godwit node list"},
		"<code>godwit cp -r FOLDER {example ?? 'CLUSTER'}:/</code> starts":               {"godwit cp -r FOLDER CLUSTER:/"},
		`command={"godwit a b && godwit c d"}`:                                           {"godwit a b", "godwit c d"},
		"return `echo '${x}' | godwit policy set ${cluster} -f -${end}`":                 {"godwit policy set 1 -f -", "godwit policy set 1 -f - --preview"},
		"<code>godwit-manager admin reset</code>":                                        nil,
	} {
		if got := shownCommands(line); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for _, wrong := range []string{"godwit node fly 1", "godwit node", "godwit node get", "godwit node list --fly", "godwit key create x", "godwit user list x"} {
		if understood(wrong) == nil {
			t.Errorf("%q is understood", wrong)
		}
	}
}

// TestEveryCommandIsInTheManual walks all commands and wants each named in docs/cli.md.
func TestEveryCommandIsInTheManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	named := namedCommands(string(manual))
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		path := strings.TrimPrefix(c.CommandPath(), "godwit ")
		if c.HasParent() && !c.HasSubCommands() && !c.Hidden && !named[path] {
			t.Errorf("docs/cli.md does not name `%s` (%s); give it a row under Administration", path, c.Short)
		}
	}
	walk(newRoot(streams{strings.NewReader(""), io.Discard, io.Discard}))
}

var (
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	commandWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\|[a-z]+(-[a-z]+)*)*$`)
)

// namedCommands are the commands that code spans name: `noun verb …`,
// `noun verb|verb …`, and `verb` or `verb ARGUMENT…` after one of those in the
// same line.
func namedCommands(manual string) map[string]bool {
	named := map[string]bool{}
	for line := range strings.Lines(manual) {
		noun := ""
		for _, span := range codeSpan.FindAllStringSubmatch(strings.ReplaceAll(line, `\|`, "|"), -1) {
			words := strings.Fields(strings.TrimPrefix(span[1], "godwit "))
			if len(words) == 0 || !commandWord.MatchString(words[0]) {
				continue
			}
			named[words[0]] = true
			if len(words) > 1 && commandWord.MatchString(words[1]) {
				noun = words[0]
				for verb := range strings.SplitSeq(words[1], "|") {
					named[noun+" "+verb] = true
				}
			} else if noun != "" {
				named[noun+" "+words[0]] = true
			}
		}
	}
	return named
}
