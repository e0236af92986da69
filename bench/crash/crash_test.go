package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCopiesSurviveTheDeathOfEitherEnd(t *testing.T) {
	t.Parallel()
	godwit := filepath.Join(t.TempDir(), "godwit")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", godwit, "../../cmd/godwit").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	b, err := open(t.Context(), godwit, t.TempDir(), 16<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.close() }()
	b.rate = "150M"
	if err := b.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) { // each way and each victim are among them
		o, err := b.trial(t.Context(), seed)
		if err != nil {
			t.Errorf("trial %d: %v", seed, err)
		}
		t.Log(o)
	}
}
