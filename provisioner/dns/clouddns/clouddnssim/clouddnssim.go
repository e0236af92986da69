// Package clouddnssim is Google Cloud DNS on the wire, JSON over HTTP, before
// zonesim.Zones, so that Google's own client encodes and decodes. It is for tests
// and knows the calls that the package clouddns makes; it refuses every other.
//
// Its rules, from the Cloud DNS API below https://cloud.google.com/dns/docs/reference/rest/v1/:
//
//	A change is made as a whole; deletions must match   changes/create, Change
//	exactly (412 conditionNotMet), or be there at all
//	(404 notFound, which names entity.change), additions
//	must not be there (409 alreadyExists)
//	Lists page by token; zones are filtered by dnsName  resourceRecordSets/list, managedZones/list
//	100 values in a set                                 https://cloud.google.com/dns/quotas
//	Too many calls: 403 rateLimitExceeded               https://cloud.google.com/dns/docs/troubleshooting
//	TXT values are quoted                               ResourceRecordSet, rrdatas
//
// What it cannot show: that these pages were understood as Google means them.
package clouddnssim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Project is the one that there is.
const Project = "sim-project"

// Sim is a project's Cloud DNS. Serve it with net/http/httptest.
type Sim struct {
	mux   *http.ServeMux
	mutex sync.Mutex
	zones map[string]*managed
	order []string
	calls map[string]bool
}

type managed struct {
	zone    *zonesim.Zone
	private bool
}

// New is a project without zones.
func New() *Sim {
	s := &Sim{mux: http.NewServeMux(), zones: map[string]*managed{}, calls: map[string]bool{}}
	const base = "/dns/v1/projects/" + Project + "/managedZones"
	s.mux.HandleFunc("GET "+base, s.listZones)
	s.mux.HandleFunc("GET "+base+"/{zone}", s.getZone)
	s.mux.HandleFunc("GET "+base+"/{zone}/rrsets", s.listRecords)
	s.mux.HandleFunc("POST "+base+"/{zone}/changes", s.change)
	return s
}

// Add gives the project a zone.
func (s *Sim) Add(name string, z *zonesim.Zone, private bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.zones[name] = &managed{z, private}
	s.order = append(s.order, name)
}

// Rights that the calls of before needed, in order, as "Access control" of each
// call's page lists them.
func (s *Sim) Rights() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []string
	for right := range s.calls {
		all = append(all, right)
	}
	slices.Sort(all)
	return all
}

func (s *Sim) needs(rights ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, r := range rights {
		s.calls[r] = true
	}
}

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	type item struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": message, "errors": []item{{reason, message}}}})
}

// find is the zone of a request; it lets the call fail.
func (s *Sim) find(w http.ResponseWriter, r *http.Request, call string) (*managed, zonesim.Fault) {
	s.mutex.Lock()
	z := s.zones[r.PathValue("zone")]
	s.mutex.Unlock()
	if z == nil || z.zone.Gone() {
		fail(w, http.StatusNotFound, "notFound", "The 'parameters.managedZone' resource named '"+r.PathValue("zone")+"' does not exist.")
		return nil, zonesim.None
	}
	fault := z.zone.Called(call)
	if refused(w, fault) {
		return nil, fault
	}
	return z, fault
}

func refused(w http.ResponseWriter, fault zonesim.Fault) bool {
	switch fault {
	case zonesim.Throttled:
		fail(w, http.StatusForbidden, "rateLimitExceeded", "Rate Limit Exceeded")
		return true
	case zonesim.Broken:
		fail(w, http.StatusServiceUnavailable, "backendError", "Backend Error")
		return true
	case zonesim.None, zonesim.Lost:
	}
	return false
}

type zoneShape struct {
	Name       string `json:"name"`
	DNSName    string `json:"dnsName"`
	Visibility string `json:"visibility"`
}

func (m *managed) shape(name string) zoneShape {
	z := zoneShape{name, m.zone.Apex() + ".", "public"}
	if m.private {
		z.Visibility = "private"
	}
	return z
}

func (s *Sim) getZone(w http.ResponseWriter, r *http.Request) {
	s.needs("dns.managedZones.get")
	if z, _ := s.find(w, r, "ManagedZones.Get"); z != nil {
		answer(w, z.shape(r.PathValue("zone")))
	}
}

// listZones gives one on a page, so that pages are turned.
func (s *Sim) listZones(w http.ResponseWriter, r *http.Request) {
	s.needs("dns.managedZones.list")
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []string
	for _, name := range s.order {
		if want := r.URL.Query().Get("dnsName"); !s.zones[name].zone.Gone() && (want == "" || want == s.zones[name].zone.Apex()+".") {
			all = append(all, name)
		}
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	out := map[string]any{}
	if from < len(all) {
		z := s.zones[all[from]]
		if refused(w, z.zone.Called("ManagedZones.List")) {
			return
		}
		out["managedZones"] = []zoneShape{z.shape(all[from])}
		if from+1 < len(all) {
			out["nextPageToken"] = strconv.Itoa(from + 1)
		}
	}
	answer(w, out)
}

type recordShape struct {
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	TTL     int64           `json:"ttl"`
	Rrdatas []string        `json:"rrdatas,omitempty"`
	Routing *map[string]any `json:"routingPolicy,omitempty"`
}

func (s *Sim) listRecords(w http.ResponseWriter, r *http.Request) {
	s.needs("dns.resourceRecordSets.list")
	z, _ := s.find(w, r, "ResourceRecordSets.List")
	if z == nil {
		return
	}
	size, err := strconv.Atoi(r.URL.Query().Get("maxResults"))
	if err != nil || size < 1 {
		size = 100
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	all := z.zone.List()
	var page []recordShape
	for _, set := range all[min(from, len(all)):min(from+size, len(all))] {
		shape := recordShape{Name: set.Name + ".", Type: set.Type, TTL: int64(set.TTL / time.Second)}
		if set.Special {
			shape.Routing = &map[string]any{"wrr": map[string]any{}}
		} else {
			for _, v := range set.Values {
				if set.Type == "TXT" {
					v = dns.Quote(v)
				}
				shape.Rrdatas = append(shape.Rrdatas, v)
			}
		}
		page = append(page, shape)
	}
	out := map[string]any{"rrsets": page}
	if from+size < len(all) {
		out["nextPageToken"] = strconv.Itoa(from + size)
	}
	answer(w, out)
}

func (s *Sim) change(w http.ResponseWriter, r *http.Request) {
	s.needs("dns.changes.create", "dns.resourceRecordSets.create", "dns.resourceRecordSets.delete", "dns.resourceRecordSets.update")
	z, fault := s.find(w, r, "Changes.Create")
	if z == nil {
		return
	}
	var in struct{ Additions, Deletions []recordShape }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "parseError", err.Error())
		return
	}
	if len(in.Additions)+len(in.Deletions) == 0 || len(in.Additions) > 1000 || len(in.Deletions) > 1000 {
		fail(w, http.StatusBadRequest, "invalid", "the change has no, or too many, additions and deletions")
		return
	}
	sets := func(shapes []recordShape) (out []dns.Set) {
		for _, shape := range shapes {
			set := dns.Set{Name: strings.TrimSuffix(shape.Name, "."), Type: shape.Type, TTL: time.Duration(shape.TTL) * time.Second}
			for _, v := range shape.Rrdatas {
				if shape.Type == "TXT" {
					v = dns.Unquote(v)
				}
				set.Values = append(set.Values, v)
			}
			out = append(out, set)
		}
		return out
	}
	for _, a := range in.Additions {
		if len(a.Rrdatas) == 0 || len(a.Rrdatas) > 100 || !strings.HasSuffix("."+a.Name, "."+z.zone.Apex()+".") {
			fail(w, http.StatusBadRequest, "invalid", "Invalid value for 'entity.change.additions': "+a.Name)
			return
		}
	}
	if err := z.zone.Change(sets(in.Deletions), sets(in.Additions)); err != nil {
		m, _ := err.(*zonesim.Mismatch) //nolint:errorlint // it is nothing else
		_, there := z.zone.Get(m.Name, m.Type)
		what := fmt.Sprintf("resource named '%s. (%s)'", m.Name, m.Type)
		switch {
		case m.Exists:
			fail(w, http.StatusConflict, "alreadyExists", "The 'entity.change.additions[0]' "+what+" already exists")
		case there:
			fail(w, http.StatusPreconditionFailed, "conditionNotMet", "Precondition not met for 'entity.change.deletions[0]'")
		default:
			fail(w, http.StatusNotFound, "notFound", "The 'entity.change.deletions[0]' "+what+" does not exist.")
		}
		return
	}
	if fault == zonesim.Lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, map[string]any{"id": "1", "status": "pending"})
}
