package secret

import (
	"bytes"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer"
)

func TestSecretsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		s := New("gwt_")
		if seen[s] || !strings.HasPrefix(s, "gwt_") || len(s) != 4+43 {
			t.Fatalf("%q", s)
		}
		seen[s] = true
	}
}

func TestVerifierIsTheOneThatClientsProve(t *testing.T) {
	t.Parallel()
	want := transfer.AccessKeyVerifier("s3cret")
	if got := Verifier("s3cret"); !bytes.Equal(got, want[:]) {
		t.Errorf("%x, transfer has %x", got, want)
	}
	if bytes.Equal(Verifier("a"), Hash("a")) {
		t.Error("the stored hash would be the verifier")
	}
}

func TestNothingEqualsNothing(t *testing.T) {
	t.Parallel()
	if Equal(nil, nil) || Equal([]byte{}, []byte{}) || !Equal([]byte{1}, []byte{1}) || Equal([]byte{1}, []byte{2}) {
		t.Error("comparison is wrong")
	}
}
