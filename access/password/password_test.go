package password

import (
	"errors"
	"strings"
	"testing"
)

func TestOnlyTheRightPasswordMatches(t *testing.T) {
	t.Parallel()
	h := Hash("correct horse")
	if !Matches(h, "correct horse") {
		t.Error("the right one does not match")
	}
	if Matches(h, "correct horsf") || Matches(h, "") {
		t.Error("a wrong one matches")
	}
	if h == Hash("correct horse") {
		t.Error("two hashes are equal: no salt")
	}
	if strings.Contains(h, "horse") || !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error(h)
	}
}

func TestDamagedHashMatchesNothing(t *testing.T) {
	t.Parallel()
	good := Hash("pw")
	for _, h := range []string{
		"", "pw", "$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "m=19456", "m=99999999", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "v=19", "v=16", 1), good[:len(good)-4], good + "$", good + "AA==",
	} {
		if Matches(h, "pw") {
			t.Errorf("%q matches", h)
		}
	}
}

func TestWeakPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "short", "aaaaaaaaaaaaaaaa", "alexandra1", "ALEXANDRA12"} {
		if err := Check("alexandra", p); !errors.Is(err, ErrWeak) {
			t.Errorf("%q: %v", p, err)
		}
	}
	if err := Check("alexandra", "a quiet morning"); err != nil {
		t.Error(err)
	}
}
