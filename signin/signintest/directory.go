package signintest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/certificate/certtest"
	"github.com/godwit/godwit/internal/loopback"
)

// The directory's names.
const (
	BindDN       = "cn=search,dc=example,dc=org"
	BindPassword = "the search user's"
	UserBase     = "ou=people,dc=example,dc=org"
	GroupBase    = "ou=groups,dc=example,dc=org"
)

// Directory is a running slapd with three people: ada (operators), bob (no group), and two entries whose uid is twin.
// Passwords are "NAME's secret".
type Directory struct {
	LDAPS, LDAP string // addresses: with TLS from the start, and with StartTLS
	CA          string // PEM
	process     *exec.Cmd
	ended       chan struct{}
}

const ldif = `dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=search,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: search
userPassword: the search user's

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=more,ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: more

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=ada,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ada
cn: Ada (of the (deep) sea)
sn: Sea
userPassword: ada's secret

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob
userPassword: bob's secret

dn: uid=twin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: Twin
userPassword: twin's secret

dn: uid=twin,ou=more,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: Twin
userPassword: twin's secret

dn: cn=operators,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: operators
member: uid=ada,ou=people,dc=example,dc=org
`

const slapdConfig = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile %[1]s/cert.pem
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
# Nothing is told, and no password taken, without TLS.
security tls=1
disallow bind_anon
database mdb
suffix "dc=example,dc=org"
directory %[1]s/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=search,dc=example,dc=org" read by * none
`

// LDAP starts a slapd. Where Debian's package is not installed the test is skipped, and fails in CI.
func LDAP(t testing.TB) *Directory {
	t.Helper()
	slapd := "/usr/sbin/slapd"
	if _, err := os.Stat(slapd); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no slapd: install it (make deps)")
		}
		t.Skip("no slapd: install it (make deps)")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	ca := certtest.New(t)
	ca.Issue(t, certtest.Leaf{Addresses: []net.IP{net.IPv4(127, 0, 0, 1)}}).Write(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	d := &Directory{CA: string(ca.PEM()), ended: make(chan struct{})}
	write(t, filepath.Join(dir, "slapd.conf"), fmt.Sprintf(slapdConfig, dir))
	write(t, filepath.Join(dir, "data.ldif"), ldif)
	if out, err := exec.CommandContext(t.Context(), "/usr/sbin/slapadd", "-f", filepath.Join(dir, "slapd.conf"), "-l", filepath.Join(dir, "data.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v: %s", err, out)
	}
	ldaps, err := loopback.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ldap, err := loopback.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.LDAPS, d.LDAP = "ldaps://"+ldaps, "ldap://"+ldap
	var log bytes.Buffer
	d.process = exec.CommandContext(t.Context(), slapd, "-h", d.LDAPS+" "+d.LDAP, "-f", filepath.Join(dir, "slapd.conf"), "-d", "0")
	d.process.Stdout, d.process.Stderr = &log, &log
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.process.Wait() // killed when the test ends
		close(d.ended)
	}()
	t.Cleanup(d.Stop)
	for _, address := range []string{ldaps, ldap} {
		d.await(t, address, &log)
	}
	return d
}

// await returns when something listens at the address.
func (d *Directory) await(t testing.TB, address string, log *bytes.Buffer) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-d.ended:
			t.Fatalf("slapd ended: %s", log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("slapd does not listen at %s: %v", address, err)
		}
	}
}

// Stop ends the directory.
func (d *Directory) Stop() {
	_ = d.process.Process.Kill() // it may have ended
	<-d.ended
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
