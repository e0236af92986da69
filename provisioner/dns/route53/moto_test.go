package route53

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/dnstest"
)

// motoServer names the program; make test-clouds sets it.
const motoServer = "GODWIT_MOTO_SERVER"

func moto(t *testing.T) string {
	t.Helper()
	program := os.Getenv(motoServer)
	if program == "" {
		t.Skip("no moto here: make test-clouds installs it into build/moto and runs this")
	}
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		running := regexp.MustCompile(`Running on (http://\S+)`)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if found := running.FindStringSubmatch(lines.Text()); found != nil {
				url <- found[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it keeps nothing
		<-drained
		_ = cmd.Wait()
	})
	select {
	case at := <-url:
		return at
	case <-time.After(time.Minute):
		t.Fatal("moto does not come up")
	}
	return ""
}

// The promises that need no hostility, against a Route 53 that is not ours. What
// moto gets wrong: it throttles nobody, assumes any role, answers a DELETE of other
// values with InvalidInput, not InvalidChangeBatch (TestMotoRefusesOtherValues tells
// when that changes), and its zones' ids do not begin with Z.
func TestMotoKeepsTheContract(t *testing.T) {
	url := moto(t)
	dnstest.Run(t, func(t *testing.T) dnstest.Harness {
		client, zone := motoZone(t, url)
		name := plainName(*zone.Name)
		open := func(t *testing.T) dns.Zone {
			return host(t, service(t, Config{Zone: name, Endpoint: url, PageSize: 3}), "ours", nil)
		}
		return dnstest.Harness{Zone: open(t), Apex: name, Reopen: open, Lookup: func(t *testing.T, at, kind string) ([]string, time.Duration) {
			out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id, StartRecordName: &at, StartRecordType: types.RRType(kind)})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.ResourceRecordSets {
				if s := setOf(r); s.Name == at && s.Type == kind {
					return s.Values, s.TTL
				}
			}
			return nil, 0
		}}
	})
}

func motoZone(t *testing.T, url string) (*route53.Client, *types.HostedZone) {
	t.Helper()
	client, err := service(t, Config{Zone: apex, Endpoint: url}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]) + "." + apex
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: &name, CallerReference: &name})
	if err != nil {
		t.Fatal(err)
	}
	return client, made.HostedZone
}

func TestMotoRefusesOtherValues(t *testing.T) {
	url := moto(t)
	client, zone := motoZone(t, url)
	s := service(t, Config{Zone: plainName(*zone.Name), Endpoint: url})
	if _, err := s.Apex(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := dns.Set{Name: "a." + plainName(*zone.Name), Type: "A", TTL: time.Minute, Values: []string{"192.0.2.1"}}
	other, next := now, now
	other.Values, next.Values = []string{"192.0.2.2"}, []string{"192.0.2.3"}
	if err := s.Apply(t.Context(), []dns.Swap{{New: &now}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []dns.Swap{{Old: &other, New: &next}}); !errors.Is(err, provisioner.InvalidTemplate) || !strings.Contains(err.Error(), "InvalidInput") {
		t.Errorf("%v: moto has learnt it; this is no fault of it any more", err)
	}
	out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id, StartRecordName: &now.Name, StartRecordType: types.RRTypeA})
	if err != nil || !slices.Equal(setOf(out.ResourceRecordSets[0]).Values, now.Values) {
		t.Errorf("it is changed: %v, %v", out, err)
	}
}
