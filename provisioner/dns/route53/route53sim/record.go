package route53sim

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// recordShape is a ResourceRecordSet.
type recordShape struct {
	Name          string
	Type          string
	SetIdentifier string       `xml:",omitempty"`
	TTL           int64        `xml:",omitempty"`
	Values        []valueShape `xml:"ResourceRecords>ResourceRecord"`
}

type valueShape struct{ Value string }

func shapeOf(s dns.Set) recordShape {
	r := recordShape{Name: s.Name + ".", Type: s.Type, TTL: int64(s.TTL / time.Second)}
	for _, v := range s.Values {
		if s.Type == "TXT" {
			v = dns.Quote(v)
		}
		r.Values = append(r.Values, valueShape{v})
	}
	if s.Special {
		r.SetIdentifier = "weighted"
	}
	return r
}

func (r recordShape) set() dns.Set {
	s := dns.Set{Name: strings.TrimSuffix(r.Name, "."), Type: r.Type, TTL: time.Duration(r.TTL) * time.Second}
	for _, v := range r.Values {
		text := v.Value
		if r.Type == "TXT" {
			text = dns.Unquote(text)
		}
		s.Values = append(s.Values, text)
	}
	return s
}

func (h *hosted) listRecords(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size := 300
	if raw := q.Get("maxitems"); raw != "" {
		if _, err := fmt.Sscan(raw, &size); err != nil || size < 1 || size > 300 {
			fail(w, http.StatusBadRequest, "InvalidInput", "maxitems")
			return
		}
	}
	order := func(name, kind string) string { return reversed(strings.TrimSuffix(name, ".")) + " " + kind }
	all := h.zone.List()
	slices.SortFunc(all, func(a, b dns.Set) int { return cmp.Compare(order(a.Name, a.Type), order(b.Name, b.Type)) })
	if from := q.Get("name"); from != "" {
		all = slices.DeleteFunc(all, func(s dns.Set) bool { return order(s.Name, s.Type) < order(from, q.Get("type")) })
	}
	out := struct {
		XMLName        xml.Name      `xml:"ListResourceRecordSetsResponse"`
		Sets           []recordShape `xml:"ResourceRecordSets>ResourceRecordSet"`
		IsTruncated    bool
		NextRecordName string `xml:",omitempty"`
		NextRecordType string `xml:",omitempty"`
		MaxItems       int
	}{MaxItems: size}
	for i, s := range all {
		if i == size {
			out.IsTruncated, out.NextRecordName, out.NextRecordType = true, s.Name+".", s.Type
			break
		}
		out.Sets = append(out.Sets, shapeOf(s))
	}
	answer(w, out)
}

func (h *hosted) change(w http.ResponseWriter, r *http.Request) {
	fault := h.zone.Called("ChangeResourceRecordSets")
	if hinders(w, fault, false) {
		return
	}
	var in struct {
		Changes []struct {
			Action string
			Set    recordShape `xml:"ResourceRecordSet"`
		} `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Changes) == 0 {
		fail(w, http.StatusBadRequest, "InvalidInput", "Invalid XML")
		return
	}
	var removed, added []dns.Set
	values, characters := 0, 0
	for _, c := range in.Changes {
		values += len(c.Set.Values)
		for _, v := range c.Set.Values {
			characters += len(v.Value)
		}
		if len(c.Set.Values) > 400 || len(c.Set.Values) == 0 || !strings.HasSuffix("."+c.Set.Name, "."+h.zone.Apex()+".") {
			refuse(w, "RRSet with DNS name "+c.Set.Name+" is not permitted in zone, or has no or too many values")
			return
		}
		switch c.Action {
		case "DELETE":
			removed = append(removed, c.Set.set())
		case "CREATE":
			added = append(added, c.Set.set())
		default:
			fail(w, http.StatusBadRequest, "InvalidInput", "action "+c.Action+" is not simulated")
			return
		}
	}
	for _, r := range removed {
		for _, a := range added {
			if a.Name == r.Name && a.Type == r.Type && a.TTL == r.TTL && slices.Equal(a.Values, r.Values) {
				refuse(w, "The request contains an invalid set of changes for a resource record set '"+a.Type+" "+a.Name+".'")
				return
			}
		}
	}
	if values > 1000 || characters > 32000 {
		refuse(w, "Number of records limit of 1000, or characters limit of 32000, exceeded.")
		return
	}
	if err := h.zone.Change(removed, added); err != nil {
		m, _ := err.(*zonesim.Mismatch) //nolint:errorlint // it is nothing else
		text := fmt.Sprintf("Tried to delete resource record set [name='%s.', type='%s'] but it was not found", m.Name, m.Type)
		if m.Exists {
			text = fmt.Sprintf("Tried to create resource record set [name='%s.', type='%s'] but it already exists", m.Name, m.Type)
		}
		refuse(w, text)
		return
	}
	hinders(w, fault, true)
	answer(w, struct {
		XMLName xml.Name `xml:"ChangeResourceRecordSetsResponse"`
		ID      string   `xml:"ChangeInfo>Id"`
		Status  string   `xml:"ChangeInfo>Status"`
		At      string   `xml:"ChangeInfo>SubmittedAt"`
	}{ID: "/change/C1", Status: "PENDING", At: time.Now().UTC().Format(time.RFC3339)})
}

// refuse is the one error that has its own form.
func refuse(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName  xml.Name `xml:"InvalidChangeBatch"`
		Messages []string `xml:"Messages>Message"`
		Request  string   `xml:"RequestId"`
	}{Messages: []string{message}, Request: "sim"})
}
