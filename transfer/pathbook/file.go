package pathbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/godwit/godwit/internal/atomicfile"
)

// version of the file's form; others are not read.
const version = 1

// sizeMost bounds a file: an entry is less than 300 bytes.
const sizeMost = 256 << 10

// File is where a book is kept.
type File interface {
	// Read returns all of it, fs.ErrNotExist where there is none.
	Read() ([]byte, error)
	// Replace puts data in its place, all or nothing but for a crash of the machine.
	Replace(data []byte) error
}

// Disk is a file by its name. Its directory is made when needed. Nobody else may
// read either: they tell with whom files were exchanged. Nobody waits for the disk:
// a transfer that has ended would otherwise last as long as that takes.
type Disk string

// Read implements File.
func (d Disk) Read() ([]byte, error) {
	f, err := os.Open(string(d))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, sizeMost+1))
	if err == nil && len(data) > sizeMost {
		err = errSize
	}
	return data, err
}

// Replace implements File.
func (d Disk) Replace(data []byte) error {
	if err := os.MkdirAll(filepath.Dir(string(d)), 0o700); err != nil {
		return fmt.Errorf("memory of paths: %w", err)
	}
	if err := atomicfile.Put(string(d), data); err != nil {
		return fmt.Errorf("memory of paths: %w", err)
	}
	return nil
}

var (
	errSize    = errors.New("it is too long")
	errVersion = errors.New("it is of another version")
	errEntry   = errors.New("it has an entry that cannot be")
)

// content is the file.
type content struct {
	Version int     `json:"version"`
	Paths   []entry `json:"paths"`
}

type entry struct {
	Local netip.Prefix `json:"local"`
	Peer  netip.Prefix `json:"peer"`
	Seen  int64        `json:"seen"` // Unix seconds
	RTT   int64        `json:"rtt_us,omitempty"`
	Rate  float64      `json:"rate,omitempty"` // bit/s
	Loss  float64      `json:"loss,omitempty"`
	MTU   int          `json:"mtu,omitempty"`
	UDP   Reach        `json:"udp,omitempty"`
}

func encode(paths map[Key]Path) []byte {
	c := content{Version: version, Paths: []entry{}}
	keys := slices.Collect(maps.Keys(paths))
	slices.SortFunc(keys, func(x, y Key) int { return paths[y].Seen.Compare(paths[x].Seen) })
	for _, k := range keys {
		p := paths[k]
		c.Paths = append(c.Paths, entry{
			Local: k.Local, Peer: k.Peer, Seen: p.Seen.Unix(), RTT: p.RTT.Microseconds(), Rate: p.Rate, Loss: p.Loss, MTU: p.MTU, UDP: p.UDP,
		})
	}
	data, _ := json.MarshalIndent(c, "", " ") // of such values it does not fail
	return append(data, '\n')
}

func decode(data []byte) (map[Key]Path, error) {
	if len(data) > sizeMost {
		return nil, errSize
	}
	var c content
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Version != version {
		return nil, errVersion
	}
	paths := map[Key]Path{}
	for _, e := range c.Paths {
		if e.RTT > rttMost.Microseconds() || e.Seen <= 0 || e.Seen > 1<<40 {
			return nil, errEntry
		}
		p := Path{
			Seen: time.Unix(e.Seen, 0), RTT: time.Duration(e.RTT) * time.Microsecond, Rate: e.Rate, Loss: e.Loss, MTU: e.MTU, UDP: e.UDP,
		}
		k, ok := KeyOf(e.Local.Addr(), e.Peer.Addr())
		if !p.valid() || !ok || k != (Key{Local: e.Local, Peer: e.Peer}) {
			return nil, errEntry
		}
		paths[k] = p
	}
	return paths, nil
}
