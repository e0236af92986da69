package address

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

func TestEachLaunchClaimsAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	var c Claims
	now, free := time.Unix(1000, 0), []string{"b", "a"}
	take := func(holder string, free ...string) string {
		t.Helper()
		got, ok := c.Take(now, holder, free)
		if ok == (got == "") {
			t.Fatalf("%q, %v", got, ok)
		}
		return got
	}
	if one, two, three := take("1", free...), take("2", free...), take("3", free...); one != "a" || two != "b" || three != "" {
		t.Errorf("three launches claim %q, %q and %q of two", one, two, three)
	}
	if again := take("2", free...); again != "b" {
		t.Errorf("asked again, the second claims %q", again)
	}
	c.Drop(now, "1")
	if three := take("3", free...); three != "a" {
		t.Errorf("of what was given up the third claims %q", three)
	}
	if two := take("2", "a", "c"); two != "c" {
		t.Errorf("where its own is taken by somebody else, the second claims %q", two)
	}
	if four := take("4", "b"); four != "b" {
		t.Errorf("what the second had is %q for the fourth", four)
	}
	now = now.Add(claimLasts)
	if five := take("5", "a"); five != "a" {
		t.Errorf("a claim of which nothing is heard holds for ever: %q", five)
	}
}

func TestPoolSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	fits := func(s string) bool { return strings.HasPrefix(s, "ip-") }
	for _, row := range []struct {
		pool  Pool
		blame []string
		given bool
		name  string
	}{
		{Pool{}, nil, false, "of 0 addresses"},
		{Pool{AddressPool: "media"}, nil, true, "media"},
		{Pool{Addresses: []string{"ip-1"}}, nil, true, "of 1 address"},
		{Pool{Addresses: []string{"ip-1", "ip-2"}}, nil, true, "of 2 addresses"},
		{Pool{AddressPool: "Media"}, []string{"address_pool"}, true, "Media"},
		{Pool{AddressPool: "media", Addresses: []string{"ip-1"}}, []string{"addresses"}, true, "media"},
		{Pool{Addresses: []string{"x", "ip-1", "ip-1"}}, []string{"addresses[0]", "addresses[2]"}, true, "of 3 addresses"},
	} {
		var f provisioner.Faults
		row.pool.Check(&f, "ip-1", fits)
		var blamed []string
		for _, fault := range f {
			blamed = append(blamed, fault.Field)
		}
		if !slices.Equal(blamed, row.blame) || row.pool.Given() != row.given || row.pool.String() != row.name {
			t.Errorf("%+v: faults %v, given %v, %q", row.pool, f, row.pool.Given(), row.pool)
		}
	}
}

func TestExhaustedPoolIsOneReason(t *testing.T) {
	t.Parallel()
	err := Exhausted("n", "media", "eu-central-1")
	refused := provisioner.Refused(err)
	if !errors.Is(err, provisioner.Capacity) || len(refused) != 1 || refused[0].String() != "no capacity (address pool media of eu-central-1 has no free address)" {
		t.Errorf("%v, refused %v", err, refused)
	}
}
