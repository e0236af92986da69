package channel

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/godwit/godwit/transfer"
)

// greeting is the far side's first line.
type greeting struct {
	Secret []byte         `json:"secret"`
	UDP    netip.AddrPort `json:"udp,omitzero"`
}

const (
	mark = "GODWIT/1 "
	// chatter is how much of what login scripts print is skipped.
	chatter = 64 << 10
)

var (
	errSilent  = errors.New("it printed no greeting of godwit serve --stdio")
	errMangled = errors.New("its greeting is not one of this version of godwit")
)

func (g greeting) line() ([]byte, error) {
	b, err := json.Marshal(g)
	return append(append([]byte(mark), b...), '\n'), err
}

// readGreeting skips what comes before the greeting. It reads no byte beyond
// it: r is read byte by byte.
func readGreeting(r io.Reader) (greeting, error) {
	lines := bufio.NewReaderSize(&single{r}, 16)
	var line []byte
	for range chatter {
		b, err := lines.ReadByte()
		if err != nil {
			return greeting{}, fmt.Errorf("%w: %w", errSilent, err)
		}
		if b != '\n' {
			line = append(line, b)
			continue
		}
		// A script that ends without a line end has printed into ours.
		if at := strings.LastIndex(string(line), mark); at >= 0 {
			return parseGreeting(line[at+len(mark):])
		}
		line = line[:0]
	}
	return greeting{}, errSilent
}

func parseGreeting(b []byte) (greeting, error) {
	var g greeting
	if err := json.Unmarshal(b, &g); err != nil || len(g.Secret) != transfer.ChannelSecretSize {
		return greeting{}, errMangled
	}
	return g, nil
}

// single hands out one byte at a time.
type single struct{ r io.Reader }

func (s *single) Read(b []byte) (int, error) { return s.r.Read(b[:1]) }
