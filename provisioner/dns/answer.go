package dns

import (
	"net"
	"net/netip"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// serve answers one question.
func (s *Server) serve(w mdns.ResponseWriter, q *mdns.Msg) {
	m := s.reply(q)
	limit := mdns.MaxMsgSize
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		limit = mdns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			limit = min(max(int(opt.UDPSize()), mdns.MinMsgSize), udpLimit)
		}
	}
	m.Truncate(limit)
	if err := w.WriteMsg(m); err != nil {
		s.log.Debug("DNS answer not sent", "to", w.RemoteAddr().String(), "error", err)
	}
}

// reply is the answer, whatever its size.
func (s *Server) reply(q *mdns.Msg) *mdns.Msg {
	m := new(mdns.Msg)
	m.SetReply(q)
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(udpLimit, false)
		if opt.Version() != 0 {
			m.Rcode = mdns.RcodeBadVers
			return m
		}
	}
	switch {
	case q.Opcode != mdns.OpcodeQuery:
		m.Rcode = mdns.RcodeNotImplemented
		return m
	case len(q.Question) != 1:
		m.Rcode = mdns.RcodeFormatError
		return m
	}
	ask := q.Question[0]
	name := strings.TrimSuffix(strings.ToLower(ask.Name), ".")
	now := s.answer.Load()
	switch {
	case ask.Qclass != mdns.ClassINET || !Within(name, s.config.Zone), ask.Qtype == mdns.TypeAXFR, ask.Qtype == mdns.TypeIXFR:
		m.Rcode = mdns.RcodeRefused
		return m
	case now == nil:
		m.Rcode = mdns.RcodeServerFailure
		return m
	}
	m.Authoritative = true
	exists := true
	switch record, known := now.records[name]; {
	case name == s.config.Zone:
		m.Answer = s.apexRecords(ask, now.serial)
	case name == s.config.NameServer:
		m.Answer = s.values(ask, Record{TTL: s.config.TTL, Addresses: s.config.SelfAddresses})
	case known:
		m.Answer = s.values(ask, record)
	default:
		exists = now.above[name] || strings.HasSuffix(s.config.NameServer, "."+name)
	}
	if !exists {
		m.Rcode = mdns.RcodeNameError
	}
	if len(m.Answer) == 0 { // how long that there is none may be kept
		m.Ns = []mdns.RR{s.soa(now.serial)}
	}
	return m
}

// values are a name's of the type that is asked for. Each answer begins with
// another one, for most clients try the first.
func (s *Server) values(ask mdns.Question, r Record) []mdns.RR {
	any4, any6 := ask.Qtype == mdns.TypeA || ask.Qtype == mdns.TypeANY, ask.Qtype == mdns.TypeAAAA || ask.Qtype == mdns.TypeANY
	var out []mdns.RR
	for _, a := range r.Addresses {
		header := mdns.RR_Header{Name: ask.Name, Class: mdns.ClassINET, Ttl: seconds(r.TTL)}
		switch {
		case a.Is4() && any4:
			header.Rrtype = mdns.TypeA
			out = append(out, &mdns.A{Hdr: header, A: ip(a)})
		case a.Is6() && any6:
			header.Rrtype = mdns.TypeAAAA
			out = append(out, &mdns.AAAA{Hdr: header, AAAA: ip(a)})
		}
	}
	if ask.Qtype == mdns.TypeTXT || ask.Qtype == mdns.TypeANY {
		for _, text := range r.Texts {
			header := mdns.RR_Header{Name: ask.Name, Rrtype: mdns.TypeTXT, Class: mdns.ClassINET, Ttl: seconds(r.TTL)}
			out = append(out, &mdns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	if len(out) > 1 {
		from := int(s.turn.Add(1)) % len(out)
		out = append(out[from:len(out):len(out)], out[:from]...)
	}
	return out
}

func (s *Server) apexRecords(ask mdns.Question, serial uint32) []mdns.RR {
	switch ask.Qtype {
	case mdns.TypeSOA, mdns.TypeANY:
		return []mdns.RR{s.soa(serial)}
	case mdns.TypeNS:
		return []mdns.RR{&mdns.NS{Hdr: mdns.RR_Header{Name: s.apex, Rrtype: mdns.TypeNS, Class: mdns.ClassINET, Ttl: seconds(s.config.TTL)}, Ns: s.ns}}
	}
	return nil
}

func (s *Server) soa(serial uint32) mdns.RR {
	ttl := seconds(s.config.TTL)
	return &mdns.SOA{
		Hdr: mdns.RR_Header{Name: s.apex, Rrtype: mdns.TypeSOA, Class: mdns.ClassINET, Ttl: ttl},
		Ns:  s.ns, Mbox: "hostmaster." + s.apex, Serial: serial, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ttl,
	}
}

func ip(a netip.Addr) net.IP { return a.AsSlice() }

func seconds(d time.Duration) uint32 { return uint32(max(d/time.Second, 1)) } //nolint:gosec // at most a day
