package signin_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/signin"
	"github.com/godwit/godwit/signin/signintest"
)

// local lets tests reach servers on this machine.
func local() *egress.Dialer {
	return egress.New(func(context.Context) ([]string, error) { return []string{"127.0.0.0/8"}, nil })
}

func pool(t *testing.T, pem string) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM([]byte(pem)) {
		t.Fatal("no certificate")
	}
	return p
}

func directory(t *testing.T, d *signintest.Directory) signin.LDAP {
	t.Helper()
	return signin.LDAP{
		URL: d.LDAPS, BindDN: signintest.BindDN, BindPassword: signintest.BindPassword, UserBase: signintest.UserBase, GroupBase: signintest.GroupBase,
		Roots: pool(t, d.CA), Network: local(),
	}
}

func TestDirectoryVouchesForItsPeopleOnly(t *testing.T) {
	t.Parallel()
	d := signintest.LDAP(t)
	l := directory(t, d)
	for _, url := range []string{d.LDAPS, d.LDAP} {
		l.URL = url
		p, err := l.SignIn(t.Context(), "ada", "ada's secret")
		if err != nil || p.Name != "ada" || len(p.Subject) != 36 || strings.Join(p.Groups, ",") != "operators" {
			t.Fatalf("%s: %+v %v", url, p, err)
		}
		if err := l.Test(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if p, err := l.SignIn(t.Context(), "ADA", "ada's secret"); err != nil || p.Name != "ada" {
		t.Errorf("the directory's spelling does not count: %+v %v", p, err)
	}
	if p, err := l.SignIn(t.Context(), "bob", "bob's secret"); err != nil || len(p.Groups) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	for name, who := range map[string][2]string{
		"a wrong password":         {"ada", "bob's secret"},
		"an empty password":        {"ada", ""},
		"no name":                  {"", "ada's secret"},
		"nobody":                   {"eve", "eve's secret"},
		"two of a name":            {"twin", "twin's secret"},
		"any name":                 {"*", "ada's secret"},
		"a filter in the name":     {"ada)(uid=*", "ada's secret"},
		"an alternative":           {"*)(|(uid=ada", "ada's secret"},
		"a NUL":                    {"ada\x00", "ada's secret"},
		"another entry's DN":       {"uid=ada,ou=people,dc=example,dc=org", "ada's secret"},
		"bytes that are no text":   {"ada\xff", "ada's secret"},
		"the user that searches":   {"search", signintest.BindPassword},
		"a name with a wild star":  {"ad*", "ada's secret"},
		"an escape of an asterisk": {`\2a`, "ada's secret"},
	} {
		var refused *signin.RefusedError
		if p, err := l.SignIn(t.Context(), who[0], who[1]); !errors.As(err, &refused) {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

func TestDirectoryThatCannotBeAskedIsNotARefusal(t *testing.T) {
	t.Parallel()
	d := signintest.LDAP(t)
	good := directory(t, d)
	cases := map[string]signin.LDAP{}
	add := func(name string, change func(*signin.LDAP)) {
		l := good
		change(&l)
		cases[name] = l
	}
	add("a wrong password of the user that searches", func(l *signin.LDAP) { l.BindPassword = "wrong" })
	add("an unknown authority", func(l *signin.LDAP) { l.Roots = nil })
	add("an unknown authority, by StartTLS", func(l *signin.LDAP) { l.Roots, l.URL = nil, d.LDAP })
	add("a base that is not there", func(l *signin.LDAP) { l.UserBase = "ou=none,dc=example,dc=org" })
	add("TLS where none is spoken", func(l *signin.LDAP) { l.URL = strings.Replace(d.LDAP, "ldap:", "ldaps:", 1) })
	add("a network that egress refuses", func(l *signin.LDAP) {
		l.Network = egress.New(func(context.Context) ([]string, error) { return nil, nil })
	})
	for name, l := range cases {
		var away *signin.UnavailableError
		if _, err := l.SignIn(t.Context(), "ada", "ada's secret"); !errors.As(err, &away) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), signintest.BindPassword) {
			t.Errorf("%s: a password is in the message: %v", name, err)
		}
		if err := l.Test(t.Context()); err == nil {
			t.Errorf("%s: the test passes", name)
		}
	}
	d.Stop()
	var away *signin.UnavailableError
	if _, err := good.SignIn(t.Context(), "ada", "ada's secret"); !errors.As(err, &away) {
		t.Errorf("stopped: %v", err)
	}
}

func TestDirectoryConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := signin.LDAP{URL: "ldaps://directory.example", UserBase: "dc=example"}
	if field, problem := good.Check(); field != "" {
		t.Fatalf("%s %s", field, problem)
	}
	for want, change := range map[string]func(*signin.LDAP){
		"url":          func(l *signin.LDAP) { l.URL = "http://directory.example" },
		"user_filter":  func(l *signin.LDAP) { l.UserFilter = "(uid=admin)" },
		"group_filter": func(l *signin.LDAP) { l.GroupFilter = "(member={dn}" },
		"user_base":    func(l *signin.LDAP) { l.UserBase = "people" },
	} {
		l := good
		change(&l)
		if field, _ := l.Check(); field != want {
			t.Errorf("%s: %s", want, field)
		}
	}
}

func TestGreatestRoleOfTheGroupsCounts(t *testing.T) {
	t.Parallel()
	rules := []signin.Rule{{Group: "staff", Role: "viewer"}, {Group: "ops", Role: "operator"}, {Group: "root", Role: "admin"}}
	for want, groups := range map[string][]string{"": nil, "viewer": {"staff"}, "operator": {"staff", "ops"}, "admin": {"root", "ops", "x"}} {
		if got := signin.RoleOf(rules, "", groups); got != want {
			t.Errorf("%v: %q, want %q", groups, got, want)
		}
	}
	if got := signin.RoleOf(rules, "viewer", []string{"ROOT"}); got != "viewer" {
		t.Errorf("a group of another spelling gives %s", got)
	}
}

// What a person types must find entries by that name alone, or none: it can neither widen nor break the filter.
func FuzzNameStaysAName(f *testing.F) {
	for _, name := range []string{"ada", "*", "a)(uid=*", `\`, "\x00", "ä", "(", "{dn}", "{name}"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		filter := signin.Fill("(&(objectClass=person)(uid={name}))", name, "")
		inner := strings.TrimSuffix(strings.TrimPrefix(filter, "(&(objectClass=person)(uid="), "))")
		if strings.ContainsAny(inner, "()*\x00") {
			t.Errorf("%q makes %q", name, filter)
		}
	})
}
