// Package manifest writes receipts of a job: what arrived, with the hash that
// both ends computed of it.
//
// A receipt in JSON is a line for the job, a line for each file as it ends, and a
// line with the sum. As text it holds the files that arrived, in the form that
// b3sum --check (or sha256sum --check) reads.
//
// BLAKE3 costs nothing: it is what the engine verifies by. SHA-256 costs one more
// reading of each file on this side; what is read is held against the BLAKE3 of
// the transfer, so the receipt is of the bytes that travelled.
package manifest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"lukechampine.com/blake3"

	"github.com/godwit/godwit/transfer"
)

// Version is that of the JSON form.
const Version = 1

// Format is a form of receipts.
type Format string

// The forms.
const (
	JSON Format = "json"
	Text Format = "text"
)

// Options of a Writer.
type Options struct {
	Format Format // "": JSON
	SHA256 bool
}

// Head is the first line of a manifest in JSON.
type Head struct {
	Manifest    int       `json:"manifest"` // Version
	Direction   string    `json:"direction"`
	Sources     []string  `json:"sources,omitempty"`
	Destination string    `json:"destination"`
	Started     time.Time `json:"started"`
}

// Receipt is the line of one file.
type Receipt struct {
	Path    string        `json:"path"` // as it arrived
	Size    int64         `json:"size"`
	ModTime time.Time     `json:"mod_time,omitzero"`
	Outcome string        `json:"outcome"` // "committed", "skipped", "failed" or "planned"
	BLAKE3  string        `json:"blake3,omitempty"`
	SHA256  string        `json:"sha256,omitempty"`
	At      time.Time     `json:"at"`
	Session string        `json:"session_id,omitempty"`
	Node    string        `json:"node,omitempty"`
	Code    transfer.Code `json:"code,omitempty"`
	Message string        `json:"message,omitempty"`
}

// Foot is the last line.
type Foot struct {
	Done       bool          `json:"done"` // nothing failed
	TransferID string        `json:"transfer_id,omitempty"`
	Files      int64         `json:"files"`
	Bytes      int64         `json:"bytes"`
	Skipped    int64         `json:"skipped"`
	Failed     int64         `json:"failed"`
	Deleted    int64         `json:"deleted,omitempty"`
	Seconds    float64       `json:"seconds"`
	Code       transfer.Code `json:"code,omitempty"`
	Message    string        `json:"message,omitempty"`
}

// Writer writes one manifest. Event may be called from a job's OnEvent: it does
// not wait for the disk, a goroutine of the Writer's own does.
type Writer struct {
	o    Options
	out  *bufio.Writer
	done chan struct{}

	mu     sync.Mutex
	wake   sync.Cond
	queue  []Receipt
	local  []string // of queue: what to read for SHA-256
	closed bool
	err    error
}

// NewWriter begins a manifest for job. Close ends it.
func NewWriter(w io.Writer, job transfer.Job, o Options) *Writer {
	m := &Writer{o: o, out: bufio.NewWriter(w), done: make(chan struct{})}
	m.wake.L = &m.mu
	if o.Format != Text {
		m.line(Head{
			Manifest: Version, Direction: string(job.Direction), Sources: job.Sources, Destination: job.Destination, Started: time.Now().UTC(),
		})
	}
	go m.run()
	return m
}

// Event takes an event of the job; only files that ended matter.
func (m *Writer) Event(e transfer.Event) {
	if e.Kind != transfer.EventFile {
		return
	}
	r := Receipt{
		Path: e.Path, Size: e.Size, ModTime: e.ModTime.UTC(), Outcome: e.Outcome, At: time.Now().UTC(), Session: e.SessionID, Node: e.NodeName,
	}
	if e.Hash != [32]byte{} {
		r.BLAKE3 = hex.EncodeToString(e.Hash[:])
	}
	if e.FileError != nil {
		r.Code, r.Message = e.FileError.Code, e.FileError.Message
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue, m.local = append(m.queue, r), append(m.local, e.Local)
	m.wake.Signal()
}

// Close writes what is left and the sum, and returns the first error of all.
func (m *Writer) Close(result transfer.Result, jobErr error) error {
	m.mu.Lock()
	m.closed = true
	m.wake.Signal()
	m.mu.Unlock()
	<-m.done
	failed := int64(len(result.Failed)) + result.FailedMore
	if m.o.Format != Text {
		f := Foot{
			Done: jobErr == nil && failed == 0, TransferID: result.TransferID, Files: result.Files, Bytes: result.Bytes,
			Skipped: result.Skipped, Failed: failed, Deleted: result.Deleted, Seconds: result.Duration.Seconds(),
		}
		if jobErr != nil {
			f.Code, f.Message = transfer.CodeOf(jobErr), jobErr.Error()
		}
		m.line(f)
	}
	m.note(m.out.Flush())
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *Writer) run() {
	defer close(m.done)
	for {
		m.mu.Lock()
		for len(m.queue) == 0 && !m.closed {
			m.wake.Wait()
		}
		queue, local := m.queue, m.local
		m.queue, m.local = nil, nil
		m.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for i := range queue {
			m.write(&queue[i], local[i])
		}
	}
}

func (m *Writer) write(r *Receipt, local string) {
	if m.o.SHA256 && r.BLAKE3 != "" {
		sum, err := readBack(local, r.BLAKE3)
		if err != nil {
			m.note(fmt.Errorf("sha-256 of %s: %w", r.Path, err))
		}
		r.SHA256 = sum
	}
	if m.o.Format != Text {
		m.line(r)
		return
	}
	sum := r.BLAKE3
	if m.o.SHA256 {
		sum = r.SHA256
	}
	if r.Outcome != "committed" || sum == "" {
		return
	}
	// As coreutils do: a name with a newline or backslash is escaped, and says so.
	name := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(r.Path)
	if name != r.Path {
		sum = `\` + sum
	}
	_, err := fmt.Fprintf(m.out, "%s  %s\n", sum, name)
	m.note(err)
}

// readBack hashes a file again, by both functions at once.
func readBack(local, want string) (string, error) {
	f, err := os.Open(local)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sha, check := sha256.New(), blake3.New(32, nil)
	if _, err := io.CopyBuffer(io.MultiWriter(sha, check), f, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	if hex.EncodeToString(check.Sum(nil)) != want {
		return "", fmt.Errorf("%s is no longer what was transferred", local)
	}
	return hex.EncodeToString(sha.Sum(nil)), nil
}

func (m *Writer) line(v any) {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = m.out.Write(append(b, '\n'))
	}
	m.note(err)
}

func (m *Writer) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = err
	}
}
