package dns

import (
	"testing"
	"time"

	mdns "github.com/miekg/dns"
)

// FuzzReply holds the server's answers against what no question may bring about:
// an answer that cannot be packed, that is no reply, or that is larger than it
// may be by UDP.
func FuzzReply(f *testing.F) {
	for _, q := range []struct {
		name string
		kind uint16
	}{{"prod.godwit.test.", mdns.TypeA}, {"godwit.test.", mdns.TypeSOA}, {"x.godwit.test.", mdns.TypeANY}, {".", mdns.TypeNS}} {
		m := new(mdns.Msg)
		m.SetQuestion(q.name, q.kind)
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	s := &Server{config: ServerConfig{Zone: zone, NameServer: "ns." + zone, TTL: time.Second}, apex: zone + ".", ns: "ns." + zone + "."}
	if _, err := s.Converge(f.Context(), []Record{record("prod", "192.0.2.1", "2001:db8::1")}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q := new(mdns.Msg)
		if q.Unpack(data) != nil {
			return
		}
		m := s.reply(q)
		if !m.Response || m.Id != q.Id {
			t.Fatalf("no reply to %s: %s", q, m)
		}
		m.Truncate(mdns.MinMsgSize)
		packed, err := m.Pack()
		if err != nil {
			t.Fatalf("%s is answered with what cannot be sent: %v", q, err)
		}
		if len(packed) > mdns.MinMsgSize && len(q.Question) == 1 {
			t.Fatalf("%d bytes in answer to %d", len(packed), len(data))
		}
	})
}
