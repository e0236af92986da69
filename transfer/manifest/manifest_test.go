package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lukechampine.com/blake3"

	"github.com/godwit/godwit/transfer"
)

func committed(t *testing.T, dir, name, content string) transfer.Event {
	t.Helper()
	local := filepath.Join(dir, "local")
	if err := os.WriteFile(local, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return transfer.Event{
		Kind: transfer.EventFile, Path: name, Size: int64(len(content)), Outcome: "committed",
		Hash: blake3.Sum256([]byte(content)), Local: local, NodeName: "n1",
	}
}

func TestJSONHoldsHeadFilesAndSum(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := NewWriter(&out, transfer.Job{Direction: transfer.Push, Sources: []string{"a"}, Destination: "in/"}, Options{SHA256: true})
	m.Event(transfer.Event{Kind: transfer.EventProgress})
	m.Event(committed(t, t.TempDir(), "a/b", "hello"))
	m.Event(transfer.Event{Kind: transfer.EventFile, Path: "c", Outcome: "failed", FileError: &transfer.FileError{Code: transfer.CodeDenied, Message: "no"}})
	if err := m.Close(transfer.Result{Files: 1, Bytes: 5, Failed: []transfer.FileError{{}}}, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	var head Head
	var file, failed Receipt
	var foot Foot
	for i, v := range []any{&head, &file, &failed, &foot} {
		if err := json.Unmarshal([]byte(lines[i]), v); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	sha := sha256.Sum256([]byte("hello"))
	b3 := blake3.Sum256([]byte("hello"))
	if head.Manifest != Version || head.Destination != "in/" || foot.Files != 1 || foot.Failed != 1 || foot.Done {
		t.Errorf("head %+v, foot %+v", head, foot)
	}
	if file.SHA256 != hex.EncodeToString(sha[:]) || file.BLAKE3 != hex.EncodeToString(b3[:]) || file.Node != "n1" || failed.Code != transfer.CodeDenied {
		t.Errorf("file %+v, failed %+v", file, failed)
	}
}

func TestTextIsReadByTheUsualCheckers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := NewWriter(&out, transfer.Job{}, Options{Format: Text})
	m.Event(committed(t, t.TempDir(), "plain", "x"))
	m.Event(committed(t, t.TempDir(), "new\nline\\", "y"))
	m.Event(transfer.Event{Kind: transfer.EventFile, Path: "skipped", Outcome: "skipped"})
	if err := m.Close(transfer.Result{}, nil); err != nil {
		t.Fatal(err)
	}
	x, y := blake3.Sum256([]byte("x")), blake3.Sum256([]byte("y"))
	want := hex.EncodeToString(x[:]) + "  plain\n\\" + hex.EncodeToString(y[:]) + "  new\\nline\\\\\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestSHA256OfAFileThatChangedIsNoReceipt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := NewWriter(&out, transfer.Job{}, Options{Format: Text, SHA256: true})
	e := committed(t, t.TempDir(), "f", "before")
	if err := os.WriteFile(e.Local, []byte("after!"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Event(e)
	if err := m.Close(transfer.Result{}, nil); err == nil || !strings.Contains(err.Error(), "no longer") {
		t.Errorf("closed with %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
