package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const zone = "godwit.test"

func addresses(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParseAddr(t)
	}
	return out
}

func record(name string, texts ...string) Record {
	return Record{Name: name + "." + zone, TTL: 5 * time.Second, Addresses: addresses(texts...)}
}

// start serves a zone until the test ends.
func start(t *testing.T, records ...Record) *Server {
	t.Helper()
	s, err := Listen(t.Context(), ServerConfig{Zone: zone, Listen: "127.0.0.1:0", SelfAddresses: addresses("192.0.2.53")})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) > 0 {
		if _, err := s.Converge(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); serving.Wait() })
	return s
}

func ask(t *testing.T, s *Server, network, name string, kind uint16, change ...func(*mdns.Msg)) *mdns.Msg {
	t.Helper()
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(name), kind)
	for _, f := range change {
		f(q)
	}
	answer, _, err := (&mdns.Client{Net: network, Timeout: 5 * time.Second}).ExchangeContext(t.Context(), q, s.Addr())
	if err != nil {
		t.Fatalf("%s %s by %s: %v", name, mdns.TypeToString[kind], network, err)
	}
	return answer
}

// wire is a message's size as it came.
func wire(m *mdns.Msg) int {
	m.Compress = true
	return m.Len()
}

func told(m *mdns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		switch r := rr.(type) {
		case *mdns.A:
			out = append(out, r.A.String())
		case *mdns.AAAA:
			out = append(out, r.AAAA.String())
		case *mdns.NS:
			out = append(out, r.Ns)
		case *mdns.SOA:
			out = append(out, r.Ns)
		}
	}
	slices.Sort(out)
	return out
}

func TestServerAnswersForItsZoneByUDPAndTCP(t *testing.T) {
	t.Parallel()
	s := start(t, record("prod", "192.0.2.1", "192.0.2.2", "2001:db8::1"), record("all.private.prod", "10.0.0.1"))
	for _, row := range []struct {
		name  string
		kind  uint16
		code  int
		want  []string
		proof bool // the zone's SOA comes with it
	}{
		{"prod.godwit.test", mdns.TypeA, mdns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}, false},
		{"prod.godwit.test", mdns.TypeAAAA, mdns.RcodeSuccess, []string{"2001:db8::1"}, false},
		{"pRoD.gOdWiT.TEST", mdns.TypeA, mdns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}, false},
		{"prod.godwit.test", mdns.TypeMX, mdns.RcodeSuccess, nil, true},
		{"all.private.prod.godwit.test", mdns.TypeA, mdns.RcodeSuccess, []string{"10.0.0.1"}, false},
		{"all.private.prod.godwit.test", mdns.TypeAAAA, mdns.RcodeSuccess, nil, true},
		{"private.prod.godwit.test", mdns.TypeA, mdns.RcodeSuccess, nil, true}, // only since there is one below it
		{"none.godwit.test", mdns.TypeA, mdns.RcodeNameError, nil, true},
		{"godwit.test", mdns.TypeSOA, mdns.RcodeSuccess, []string{"ns.godwit.test."}, false},
		{"godwit.test", mdns.TypeNS, mdns.RcodeSuccess, []string{"ns.godwit.test."}, false},
		{"ns.godwit.test", mdns.TypeA, mdns.RcodeSuccess, []string{"192.0.2.53"}, false},
		{"example.org", mdns.TypeA, mdns.RcodeRefused, nil, false},
		{"notgodwit.test", mdns.TypeA, mdns.RcodeRefused, nil, false},
		{"godwit.test", mdns.TypeIXFR, mdns.RcodeRefused, nil, false},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m := ask(t, s, network, row.name, row.kind)
			if m.Rcode != row.code || !slices.Equal(told(m), row.want) || row.proof != (len(m.Ns) == 1) {
				t.Errorf("%s %s by %s: %s", row.name, mdns.TypeToString[row.kind], network, m)
			}
			if authority := row.code != mdns.RcodeRefused; m.Authoritative != authority {
				t.Errorf("%s by %s: authority %v", row.name, network, m.Authoritative)
			}
			for _, rr := range m.Answer {
				if rr.Header().Rrtype == mdns.TypeA && strings.Contains(row.name, "prod") && rr.Header().Ttl != 5 {
					t.Errorf("%s has TTL %d", row.name, rr.Header().Ttl)
				}
			}
		}
	}
	if m := ask(t, s, "udp", "prod.godwit.test", mdns.TypeA, func(q *mdns.Msg) { q.Opcode = mdns.OpcodeUpdate }); m.Rcode != mdns.RcodeNotImplemented {
		t.Errorf("an update is answered %s", mdns.RcodeToString[m.Rcode])
	}
	if m := ask(t, s, "udp", "prod.godwit.test", mdns.TypeA, func(q *mdns.Msg) { q.Question[0].Qclass = mdns.ClassCHAOS }); m.Rcode != mdns.RcodeRefused {
		t.Errorf("another class is answered %s", mdns.RcodeToString[m.Rcode])
	}
}

func TestServerThatKnowsNothingYetDoesNotSayThatThereIsNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	if m := ask(t, s, "udp", "prod.godwit.test", mdns.TypeA); m.Rcode != mdns.RcodeServerFailure {
		t.Errorf("answered %s", mdns.RcodeToString[m.Rcode])
	}
	if _, err := s.Converge(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if m := ask(t, s, "udp", "prod.godwit.test", mdns.TypeA); m.Rcode != mdns.RcodeNameError {
		t.Errorf("then answered %s", mdns.RcodeToString[m.Rcode])
	}
}

func TestLongAnswersGoOverToTCP(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 500 {
		many = append(many, fmt.Sprintf("10.1.%d.%d", i/250, i%250+1))
	}
	s := start(t, record("big", many...))
	short := ask(t, s, "udp", "big.godwit.test", mdns.TypeA)
	if !short.Truncated || wire(short) > mdns.MinMsgSize {
		t.Errorf("by UDP %d bytes, truncated %v", wire(short), short.Truncated)
	}
	longer := ask(t, s, "udp", "big.godwit.test", mdns.TypeA, func(q *mdns.Msg) { q.SetEdns0(65000, false) })
	if !longer.Truncated || wire(longer) > udpLimit || len(longer.Answer) <= len(short.Answer) {
		t.Errorf("by UDP with EDNS %d bytes, truncated %v", wire(longer), longer.Truncated)
	}
	if full := ask(t, s, "tcp", "big.godwit.test", mdns.TypeA); full.Truncated || len(full.Answer) != 500 {
		t.Errorf("by TCP %d answers, truncated %v", len(full.Answer), full.Truncated)
	}
}

func TestAddressesTakeTurnsAtTheFront(t *testing.T) {
	t.Parallel()
	s := start(t, record("prod", "192.0.2.1", "192.0.2.2", "192.0.2.3"))
	first := map[string]int{}
	for range 9 {
		m := ask(t, s, "udp", "prod.godwit.test", mdns.TypeA)
		first[m.Answer[0].(*mdns.A).A.String()]++
	}
	if len(first) != 3 || first["192.0.2.1"] != 3 {
		t.Errorf("in front were %v", first)
	}
}

func TestConvergeMakesItSoFromAnyStateAndSaysWhatItDid(t *testing.T) {
	t.Parallel()
	s := start(t)
	serial := func() uint32 { return ask(t, s, "udp", zone, mdns.TypeSOA).Answer[0].(*mdns.SOA).Serial }
	last := uint32(0)
	for _, step := range []struct {
		name   string
		wanted []Record
		change Change
	}{
		{"from nothing", []Record{record("a", "10.0.0.1", "10.0.0.1"), record("b", "10.0.0.2")}, Change{Added: 2}},
		{"the same in another order", []Record{record("b", "10.0.0.2"), record("a", "10.0.0.1")}, Change{}},
		{"one of each kind", []Record{record("a", "10.0.0.9"), record("c", "10.0.0.3")}, Change{Added: 1, Changed: 1, Removed: 1}},
		{"a name without addresses is none", []Record{record("a"), record("c", "10.0.0.3")}, Change{Removed: 1}},
		{"nothing", nil, Change{Removed: 1}},
	} {
		change, err := s.Converge(t.Context(), step.wanted)
		if err != nil || change != step.change {
			t.Errorf("%s: %s, %v", step.name, change, err)
		}
		now := serial()
		if grew := now > last; grew == step.change.None() {
			t.Errorf("%s: the serial number goes from %d to %d", step.name, last, now)
		}
		last = now
	}
	for _, bad := range [][]Record{
		{{Name: "a.example.org", TTL: time.Minute, Addresses: addresses("10.0.0.1")}},
		{{Name: zone, TTL: time.Minute, Addresses: addresses("10.0.0.1")}},
		{{Name: "A." + zone, TTL: time.Minute, Addresses: addresses("10.0.0.1")}},
		{{Name: "a." + zone, Addresses: addresses("10.0.0.1")}},
		{record("a", "0.0.0.0")}, {record("a", "224.0.0.1")},
		{record("ns", "10.0.0.1")},
		{record("a", "10.0.0.1"), record("a", "10.0.0.2")},
	} {
		if _, err := s.Converge(t.Context(), bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if serial() != last {
		t.Error("what was refused changed the zone")
	}
}

func TestDigIsContent(t *testing.T) {
	t.Parallel()
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("dig is not installed (bind9-dnsutils)")
	}
	s := start(t, record("prod", "192.0.2.1", "192.0.2.2"))
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"+notcp", "+tcp"} {
		out, err := exec.CommandContext(t.Context(), dig, "@"+host, "-p", port, how, "+noall", "+answer", "+comments", "prod."+zone, "A").CombinedOutput()
		text := string(out)
		if err != nil || !strings.Contains(text, "status: NOERROR") || !strings.Contains(text, "192.0.2.1") || !strings.Contains(text, "192.0.2.2") ||
			strings.Contains(text, "WARNING") && !strings.Contains(text, "recursion requested but not available") {
			t.Errorf("dig %s: %v\n%s", how, err, text)
		}
	}
}
