package channel

import (
	"bytes"
	"testing"

	"github.com/godwit/godwit/transfer"
)

// FuzzGreeting is a far side, or its login scripts, that prints anything: what is
// taken for a greeting can be written again, and no byte beyond it is read.
func FuzzGreeting(f *testing.F) {
	line, err := greeting{Secret: make([]byte, transfer.ChannelSecretSize)}.line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(append([]byte("Last login: today\nno line end "), line...))
	f.Add([]byte("GODWIT/1 {}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(append(b, "rest"...))
		g, err := readGreeting(r)
		if err != nil {
			return
		}
		read := len(b) + 4 - r.Len()
		if read == 0 || append(b, "rest"...)[read-1] != '\n' {
			t.Fatalf("%d bytes were read of %q", read, b)
		}
		again, err := g.line()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := readGreeting(bytes.NewReader(again)); err != nil || !bytes.Equal(h.Secret, g.Secret) || h.UDP != g.UDP {
			t.Fatalf("%+v came back as %+v: %v", g, h, err)
		}
	})
}
