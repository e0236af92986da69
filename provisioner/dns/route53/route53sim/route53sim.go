// Package route53sim is Route 53 on the wire, REST and XML, before a zonesim.Zone,
// so that the real SDK encodes, signs, retries and decodes. It is for tests and
// knows the calls that the package route53 makes, and STS's AssumeRole; it refuses
// every other.
//
// Its rules, from the Route 53 API Reference below
// https://docs.aws.amazon.com/Route53/latest/APIReference/:
//
//	A batch is made in its order, all or nothing; DELETE     API_ChangeResourceRecordSets, API_Change
//	needs name, type, TTL and values as they are; CREATE
//	refuses what exists; one InvalidChangeBatch has the
//	reasons in its messages
//	What a batch deletes and creates alike is refused        an assumption: nothing says that it is taken
//	1,000 ResourceRecord elements, 32,000 characters,        DeveloperGuide "Quotas on records",
//	400 values in a set                                      "Maximum sizes of ChangeResourceRecordSets"
//	Lists page by name, type and identifier, by at most      API_ListResourceRecordSets
//	300; names end with a dot
//	Zones are listed by name from a name on, of public and   API_ListHostedZonesByName
//	private ones of a name each
//	Throttling is status 400, code Throttling                DeveloperGuide "Quotas on API requests"
//	TXT values are quoted                                    DeveloperGuide "TXT record type"
//
// What it cannot show: that these pages were understood as Route 53 means them;
// the same suite runs against moto with make test-clouds.
package route53sim

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Role and ExternalID by which alone the zones in another account are reached;
// its credentials begin with ASIA.
const (
	Role       = "arn:aws:iam::210987654321:role/godwit-dns"
	ExternalID = "friend"
	// Deny as access key id is one that AWS does not know.
	Deny = "AKIDENIED"
)

// Sim is an account's Route 53. Serve it with net/http/httptest.
type Sim struct {
	mutex sync.Mutex
	zones map[string]*hosted
	calls map[string]int
}

type hosted struct {
	zone    *zonesim.Zone
	id      string
	private bool
	account string // "": the caller's own; "other": by the role
}

// New is an account without zones.
func New() *Sim { return &Sim{zones: map[string]*hosted{}, calls: map[string]int{}} }

// Add gives the account a zone.
func (s *Sim) Add(id string, z *zonesim.Zone, private bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.zones[id] = &hosted{zone: z, id: id, private: private}
}

// AddElsewhere gives another account a zone, which only Role reaches.
func (s *Sim) AddElsewhere(id string, z *zonesim.Zone) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.zones[id] = &hosted{zone: z, id: id, account: "other"}
}

// Calls are the actions that were asked for, as IAM names them.
func (s *Sim) Calls() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var out []string
	for name := range s.calls {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (s *Sim) called(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls[name]++
}

var (
	credential = regexp.MustCompile(`Credential=([^/]+)/`)
	records    = regexp.MustCompile(`^/2013-04-01/hostedzone/([A-Z0-9]+)/rrset/?$`)
	oneZone    = regexp.MustCompile(`^/2013-04-01/hostedzone/([A-Z0-9]+)$`)
)

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := ""
	if found := credential.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		key = found[1]
	}
	account := ""
	if strings.HasPrefix(key, "ASIA") {
		account = "other"
	}
	path := r.URL.Path
	switch {
	case key == "" || key == Deny:
		fail(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case r.Method == http.MethodPost && path == "/":
		s.assume(w, r)
	case r.Method == http.MethodGet && path == "/2013-04-01/hostedzonesbyname":
		s.called("route53:ListHostedZonesByName")
		s.listZones(w, r, account)
	case r.Method == http.MethodGet && oneZone.MatchString(path):
		s.called("route53:GetHostedZone")
		if h := s.find(w, oneZone.FindStringSubmatch(path)[1], account, "GetHostedZone"); h != nil {
			answer(w, struct {
				XMLName xml.Name  `xml:"GetHostedZoneResponse"`
				Zone    zoneShape `xml:"HostedZone"`
			}{Zone: h.shape()})
		}
	case r.Method == http.MethodGet && records.MatchString(path):
		s.called("route53:ListResourceRecordSets")
		if h := s.find(w, records.FindStringSubmatch(path)[1], account, "ListResourceRecordSets"); h != nil {
			h.listRecords(w, r)
		}
	case r.Method == http.MethodPost && records.MatchString(path):
		s.called("route53:ChangeResourceRecordSets")
		h := s.find(nil, records.FindStringSubmatch(path)[1], account, "")
		if h == nil {
			fail(w, http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID")
			return
		}
		h.change(w, r)
	default:
		fail(w, http.StatusBadRequest, "InvalidAction", r.Method+" "+path+" is not simulated")
	}
}

// find is a zone of an account; with a writer it also lets the call fail.
func (s *Sim) find(w http.ResponseWriter, id, account, call string) *hosted {
	s.mutex.Lock()
	h := s.zones[id]
	s.mutex.Unlock()
	if h == nil || h.account != account || h.zone.Gone() {
		if w != nil {
			fail(w, http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: "+id)
		}
		return nil
	}
	if w != nil && hinders(w, h.zone.Called(call), false) {
		return nil
	}
	return h
}

// hinders answers in a fault's place.
func hinders(w http.ResponseWriter, f zonesim.Fault, done bool) bool {
	switch {
	case f == zonesim.Throttled && !done:
		fail(w, http.StatusBadRequest, "Throttling", "Rate exceeded")
	case f == zonesim.Broken && !done:
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The service is not available.")
	case f == zonesim.Lost && done:
		panic(http.ErrAbortHandler)
	case f == zonesim.Lost:
		return false
	default:
		return false
	}
	return true
}

func (s *Sim) assume(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "AssumeRole" {
		fail(w, http.StatusBadRequest, "InvalidAction", r.Form.Get("Action"))
		return
	}
	s.called("sts:AssumeRole")
	if r.Form.Get("RoleArn") != Role || r.Form.Get("ExternalId") != ExternalID {
		fail(w, http.StatusForbidden, "AccessDenied", "not authorized to perform: sts:AssumeRole on resource: "+r.Form.Get("RoleArn"))
		return
	}
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	answer(w, struct {
		XMLName xml.Name    `xml:"AssumeRoleResponse"`
		C       credentials `xml:"AssumeRoleResult>Credentials"`
	}{C: credentials{"ASIASIM", "secret", "session", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}})
}

type zoneShape struct {
	ID              string `xml:"Id"`
	Name            string
	CallerReference string
	Config          struct{ PrivateZone bool }
}

func (h *hosted) shape() zoneShape {
	z := zoneShape{ID: "/hostedzone/" + h.id, Name: h.zone.Apex() + ".", CallerReference: h.id}
	z.Config.PrivateZone = h.private
	return z
}

// zonesPerPage is small, so that pages are turned.
const zonesPerPage = 1

func (s *Sim) listZones(w http.ResponseWriter, r *http.Request, account string) {
	q := r.URL.Query()
	from := strings.TrimSuffix(q.Get("dnsname"), ".")
	s.mutex.Lock()
	var all []*hosted
	for _, h := range s.zones {
		if h.account == account && !h.zone.Gone() {
			all = append(all, h)
		}
	}
	s.mutex.Unlock()
	order := func(h *hosted) string { return reversed(h.zone.Apex()) + " " + h.id }
	slices.SortFunc(all, func(a, b *hosted) int { return cmp.Compare(order(a), order(b)) })
	all = slices.DeleteFunc(all, func(h *hosted) bool { return order(h) < reversed(from)+" "+q.Get("hostedzoneid") })
	out := struct {
		XMLName          xml.Name    `xml:"ListHostedZonesByNameResponse"`
		Zones            []zoneShape `xml:"HostedZones>HostedZone"`
		IsTruncated      bool
		NextDNSName      string `xml:",omitempty"`
		NextHostedZoneID string `xml:"NextHostedZoneId,omitempty"`
		MaxItems         int
	}{MaxItems: zonesPerPage}
	for i, h := range all {
		if i == zonesPerPage {
			out.IsTruncated, out.NextDNSName, out.NextHostedZoneID = true, h.zone.Apex()+".", h.id
			break
		}
		if i == 0 && len(all) > 0 && hinders(w, h.zone.Called("ListHostedZonesByName"), false) {
			return
		}
		out.Zones = append(out.Zones, h.shape())
	}
	answer(w, out)
}

// reversed is a name in the order of zones: com.example.www.
func reversed(name string) string {
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Type    string   `xml:"Error>Type"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
		Request string   `xml:"RequestId"`
	}{Type: "Sender", Code: code, Message: message, Request: "sim"})
}
