// Package azurednssim is Azure DNS by the fake servers of Azure's own SDK, over a
// zonesim.Zone. It is in the process, without a connection, and knows the calls
// that the package azuredns makes.
//
// Its rules, from https://learn.microsoft.com/rest/api/dns/record-sets:
//
//	If-Match: the version must be the set's, else 412        Create Or Update, Delete
//	If-None-Match *: the set must not be there, else 412
//	What is not there is deleted with 204                    Delete
//	Lists page by nextLink; names are relative, @ the zone   List By Dns Zone
//	Metadata is kept with a set, and replaced with it        Create Or Update; dns-zones-records#tags-and-metadata
//	20 records in a set                                      Azure DNS limits
//	Too many calls: 429                                      Azure Resource Manager limits
//
// What it cannot show: that these pages were understood as Azure means them.
package azurednssim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns/fake"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Group and Subscription in which the zone is.
const (
	Group        = "names"
	Subscription = "00000000-0000-0000-0000-000000000001"
)

// perPage is small, so that pages are turned.
const perPage = 7

// Sim is a resource group with one zone.
type Sim struct {
	zone *zonesim.Zone

	mutex  sync.Mutex
	rights map[string]bool
}

// New makes the group.
func New(z *zonesim.Zone) *Sim { return &Sim{zone: z, rights: map[string]bool{}} }

// Rights that the calls of before needed, in order, as "Microsoft.Network",
// https://learn.microsoft.com/azure/role-based-access-control/permissions/networking#microsoftnetwork,
// names them.
func (s *Sim) Rights() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []string
	for r := range s.rights {
		all = append(all, "Microsoft.Network/dnsZones/"+r)
	}
	slices.Sort(all)
	return all
}

func (s *Sim) needs(right string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.rights[right] = true
}

// Transport is the way to it.
func (s *Sim) Transport() policy.Transporter {
	return &transport{s, fake.NewServerFactoryTransport(&fake.ServerFactory{
		ZonesServer: fake.ZonesServer{Get: s.getZone},
		RecordSetsServer: fake.RecordSetsServer{
			CreateOrUpdate: s.write, Delete: s.remove, Get: s.get, NewListByDNSZonePager: s.list,
		},
	})}
}

// transport does what the SDK's fakes do not: they remember a list that failed,
// and mark lost connections as not to be tried again.
type transport struct {
	sim   *Sim
	fakes policy.Transporter
}

// Do implements policy.Transporter.
func (t *transport) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/recordsets") {
		parts := strings.Split(r.URL.Path, "/")
		if status, code, _ := t.sim.begin("RecordSets.List", parts[4], parts[8]); status != 0 {
			body := `{"error":{"code":"` + code + `"}}`
			return &http.Response{
				StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		}
	}
	answer, err := t.fakes.Do(r)
	if errors.Is(err, errLost) {
		err = errLost
	}
	return answer, err
}

// begin counts a call; refused is what it is answered with, if not zero, and lost
// says that the answer will not be had.
func (s *Sim) begin(call, group, zone string) (status int, code string, lost bool) {
	fault := s.zone.Called(call)
	switch {
	case group != Group || zone != s.zone.Apex() || s.zone.Gone():
		return http.StatusNotFound, "ResourceNotFound", false
	case fault == zonesim.Throttled:
		return http.StatusTooManyRequests, "TooManyRequests", false
	case fault == zonesim.Broken:
		return http.StatusServiceUnavailable, "ServiceUnavailable", false
	}
	return 0, "", fault == zonesim.Lost
}

var errLost = errors.New("the connection was lost")

func (s *Sim) getZone(_ context.Context, group, zone string, _ *armdns.ZonesClientGetOptions) (r azfake.Responder[armdns.ZonesClientGetResponse], e azfake.ErrorResponder) {
	s.needs("read")
	if status, code, _ := s.begin("Zones.Get", group, zone); status != 0 {
		e.SetResponseError(status, code)
		return r, e
	}
	r.SetResponse(http.StatusOK, armdns.ZonesClientGetResponse{Zone: armdns.Zone{Name: &zone}}, nil)
	return r, e
}

func (s *Sim) list(_, _ string, _ *armdns.RecordSetsClientListByDNSZoneOptions) (r azfake.PagerResponder[armdns.RecordSetsClientListByDNSZoneResponse]) {
	s.needs("recordsets/read")
	for page := range slices.Chunk(s.zone.List(), perPage) {
		var out armdns.RecordSetsClientListByDNSZoneResponse
		for _, set := range page {
			out.Value = append(out.Value, s.shape(set))
		}
		r.AddPage(http.StatusOK, out, nil)
	}
	return r
}

func (s *Sim) get(_ context.Context, group, zone, name string, kind armdns.RecordType, _ *armdns.RecordSetsClientGetOptions) (r azfake.Responder[armdns.RecordSetsClientGetResponse], e azfake.ErrorResponder) {
	s.needs(string(kind) + "/read")
	status, code, _ := s.begin("RecordSets.Get", group, zone)
	set, there := s.zone.Get(name+"."+zone, string(kind))
	if status == 0 && !there {
		status, code = http.StatusNotFound, "NotFound"
	}
	if status != 0 {
		e.SetResponseError(status, code)
		return r, e
	}
	r.SetResponse(http.StatusOK, armdns.RecordSetsClientGetResponse{RecordSet: *s.shape(set)}, nil)
	return r, e
}

func (s *Sim) write(_ context.Context, group, zone, name string, kind armdns.RecordType, in armdns.RecordSet, o *armdns.RecordSetsClientCreateOrUpdateOptions) (r azfake.Responder[armdns.RecordSetsClientCreateOrUpdateResponse], e azfake.ErrorResponder) {
	s.needs(string(kind) + "/write")
	status, code, lost := s.begin("RecordSets.CreateOrUpdate", group, zone)
	set := dns.Set{Name: name + "." + zone, Type: string(kind)}
	if p := in.Properties; p != nil && p.TTL != nil {
		set.TTL = time.Duration(*p.TTL) * time.Second
		if owner := p.Metadata["godwit-owner"]; owner != nil {
			set.Owner = *owner
		}
		for _, a := range p.ARecords {
			set.Values = append(set.Values, *a.IPv4Address)
		}
		for _, a := range p.AaaaRecords {
			set.Values = append(set.Values, *a.IPv6Address)
		}
		for _, t := range p.TxtRecords {
			set.Values = append(set.Values, *t.Value[0])
		}
	}
	if status == 0 && (len(set.Values) == 0 || len(set.Values) > 20) {
		status, code = http.StatusBadRequest, "BadRequest"
	}
	if status == 0 {
		match, fresh := "", false
		if o != nil && o.IfMatch != nil {
			match = *o.IfMatch
		}
		if o != nil && o.IfNoneMatch != nil {
			fresh = *o.IfNoneMatch == "*"
		}
		written, err := s.zone.Write(set, match, fresh)
		if err != nil {
			status, code = http.StatusPreconditionFailed, "PreconditionFailed"
		}
		set = written
	}
	switch {
	case status != 0:
		e.SetResponseError(status, code)
	case lost:
		e.SetError(errLost)
	default:
		r.SetResponse(http.StatusOK, armdns.RecordSetsClientCreateOrUpdateResponse{RecordSet: *s.shape(set)}, nil)
	}
	return r, e
}

func (s *Sim) remove(_ context.Context, group, zone, name string, kind armdns.RecordType, o *armdns.RecordSetsClientDeleteOptions) (r azfake.Responder[armdns.RecordSetsClientDeleteResponse], e azfake.ErrorResponder) {
	s.needs(string(kind) + "/delete")
	status, code, lost := s.begin("RecordSets.Delete", group, zone)
	done := http.StatusOK
	if status == 0 {
		full := name + "." + zone
		if _, there := s.zone.Get(full, string(kind)); !there {
			done = http.StatusNoContent
		} else if _, err := s.zone.Write(dns.Set{Name: full, Type: string(kind)}, *o.IfMatch, false); err != nil {
			status, code = http.StatusPreconditionFailed, "PreconditionFailed"
		}
	}
	switch {
	case status != 0:
		e.SetResponseError(status, code)
	case lost:
		e.SetError(errLost)
	default:
		r.SetResponse(done, armdns.RecordSetsClientDeleteResponse{}, nil)
	}
	return r, e
}

func (s *Sim) shape(set dns.Set) *armdns.RecordSet {
	name := strings.TrimSuffix(set.Name, "."+s.zone.Apex())
	if set.Name == s.zone.Apex() {
		name = "@"
	}
	p := &armdns.RecordSetProperties{TTL: new(int64(set.TTL / time.Second))}
	if set.Owner != "" {
		p.Metadata = map[string]*string{"godwit-owner": &set.Owner}
	}
	if set.Special {
		p.TargetResource = &armdns.SubResource{ID: new("/subscriptions/x/resourceGroups/x/providers/Microsoft.Network/publicIPAddresses/x")}
	}
	for _, v := range set.Values {
		switch set.Type {
		case "A":
			p.ARecords = append(p.ARecords, &armdns.ARecord{IPv4Address: &v})
		case "AAAA":
			p.AaaaRecords = append(p.AaaaRecords, &armdns.AaaaRecord{IPv6Address: &v})
		case "TXT":
			p.TxtRecords = append(p.TxtRecords, &armdns.TxtRecord{Value: []*string{&v}})
		}
	}
	return &armdns.RecordSet{Name: &name, Type: new("Microsoft.Network/dnszones/" + set.Type), Etag: new(set.Version), Properties: p}
}
