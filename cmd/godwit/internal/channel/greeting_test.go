package channel

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer"
)

func sample() greeting {
	return greeting{
		Secret: bytes.Repeat([]byte{7}, transfer.ChannelSecretSize), UDP: netip.MustParseAddrPort("[2001:db8::7]:40123"),
	}
}

func TestGreetingIsFoundBehindChatter(t *testing.T) {
	t.Parallel()
	line, err := sample().line()
	if err != nil {
		t.Fatal(err)
	}
	for _, chatter := range []string{"", "Welcome!\n", "no line end", strings.Repeat("motd\n", 1000)} {
		in := strings.NewReader(chatter + string(line) + "\x01frames")
		g, err := readGreeting(in)
		if err != nil || !bytes.Equal(g.Secret, sample().Secret) || g.UDP != sample().UDP {
			t.Errorf("behind %d bytes: %+v, %v", len(chatter), g, err)
		}
		if rest, _ := io.ReadAll(in); string(rest) != "\x01frames" {
			t.Errorf("it left %q of what follows", rest)
		}
	}
	for text, want := range map[string]error{
		"":                              errSilent,
		"bash: godwit: not found\n":     errSilent,
		mark + "{}\n":                   errMangled,
		mark + `{"secret":"AAAA"}`:      errSilent,
		mark + "{\"secret\":\"AAA\"}\n": errMangled,
		strings.Repeat("x", 2*chatter):  errSilent,
	} {
		if _, err := readGreeting(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%.30q: %v, want %v", text, err, want)
		}
	}
}

func TestAddressOfSSHDIsUsedWhereItIsOfUse(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"192.0.2.1 50000 192.0.2.7 22":          "192.0.2.7",
		"::ffff:192.0.2.1 5 ::ffff:10.0.0.7 22": "10.0.0.7",
		"2001:db8::1 5 2001:db8::7 22":          "2001:db8::7",
		"fe80::1%eth0 5 fe80::2%eth0 22":        "invalid IP", // a zone of that machine means nothing on another
		"":                                      "invalid IP",
		"1 2 3":                                 "invalid IP",
		"a b c d":                               "invalid IP",
		"192.0.2.1 5 0.0.0.0 22":                "invalid IP",
	} {
		if _, got := connection(env); got.String() != want {
			t.Errorf("%q: %v, want %s", env, got, want)
		}
	}
}

func TestCommandsAreSplitAsAShellDoes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"ssh":                          {"ssh"},
		"  ssh  -p 22 ":                {"ssh", "-p", "22"},
		`ssh -i '/a b/key' -o "x=y z"`: {"ssh", "-i", "/a b/key", "-o", "x=y z"},
		`ssh ''`:                       {"ssh", ""},
		`a'b'c`:                        {"abc"},
		"":                             nil,
	} {
		got, err := Split(in)
		if err != nil || strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	if got, err := Split("ssh 'x"); err == nil {
		t.Errorf("an open quote became %q", got)
	}
}

// FuzzGreeting: what a far machine prints may be anything.
func FuzzGreeting(f *testing.F) {
	line, err := sample().line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("motd\n" + mark + "{}\n"))
	f.Add([]byte(mark))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGreeting(bytes.NewReader(b))
		if err == nil && len(g.Secret) != transfer.ChannelSecretSize {
			t.Errorf("a secret of %d bytes", len(g.Secret))
		}
	})
}
