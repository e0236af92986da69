package gcesim

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clause is one expression of a filter: (labels.a = "b").
var clause = regexp.MustCompile(`^\s*\(?\s*([a-zA-Z.][a-zA-Z0-9._-]*)\s*=\s*"?([^")\s]*)"?\s*\)?\s*(.*)$`)

// filter reads a filter's clauses, all of which must hold.
func filter(raw string) (map[string]string, *refusal) {
	want := map[string]string{}
	for rest := raw; strings.TrimSpace(rest) != ""; {
		parts := clause.FindStringSubmatch(rest)
		if parts == nil {
			return nil, invalid("filter", raw, "Invalid list filter expression.")
		}
		want[parts[1]] = parts[2]
		rest = strings.TrimPrefix(parts[3], "AND ")
	}
	return want, nil
}

func matches(want map[string]string, name string, labels map[string]string) bool {
	for field, value := range want {
		label, isLabel := strings.CutPrefix(field, "labels.")
		switch {
		case isLabel:
			if got, has := labels[label]; !has || got != value {
				return false
			}
		case field == "name" && name == value:
		default:
			return false
		}
	}
	return true
}

// listed are the keys of one page of what look says is there and the request's filter
// lets through, in order; with the mutex held.
func listed[T any](c *Cloud, r *http.Request, all map[string]T, look func(T) (name string, labels map[string]string, there bool)) (keys []string, next string, no *refusal) {
	want, no := filter(r.URL.Query().Get("filter"))
	if no != nil {
		return nil, "", no
	}
	for key, v := range all {
		if name, labels, there := look(v); there && matches(want, name, labels) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return c.page(r, keys)
}

// page cuts one out of the sorted keys. With a full page before, the last may be
// empty: clients must follow the token, not the number of items.
func (c *Cloud) page(r *http.Request, keys []string) (part []string, next string, no *refusal) {
	size := c.options.Page
	if raw := r.URL.Query().Get("maxResults"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 0 || n > 500 {
			return nil, "", invalid("maxResults", raw, "Must be 0 to 500.")
		}
		if n > 0 {
			size = min(size, n)
		}
	}
	if token := r.URL.Query().Get("pageToken"); token != "" {
		from, found := strings.CutPrefix(token, "after:")
		if !found {
			return nil, "", invalid("pageToken", token, "")
		}
		keys = keys[sortedAfter(keys, from):]
	}
	if len(keys) < size {
		return keys, "", nil
	}
	return keys[:size], "after:" + keys[size-1], nil
}

func sortedAfter(keys []string, from string) int {
	i, found := slices.BinarySearch(keys, from)
	if found {
		i++
	}
	return i
}

// aggregated is the body of an aggregated list.
type aggregated struct {
	Items         map[string]map[string]any `json:"items"`
	NextPageToken string                    `json:"nextPageToken,omitempty"`
}

func (c *Cloud) scopes() aggregated {
	out := aggregated{Items: map[string]map[string]any{}}
	for _, list := range zones {
		for _, zone := range list {
			warning := map[string]any{"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for scope 'zones/" + zone + "' on this page."}
			if c.down[zone] {
				warning = map[string]any{"code": "UNREACHABLE", "message": "The zone " + zone + " did not answer."}
			}
			out.Items["zones/"+zone] = map[string]any{"warning": warning}
		}
	}
	return out
}

func (a *aggregated) add(zone, kind string, resource any) {
	scope := a.Items["zones/"+zone]
	list, _ := scope[kind].([]any)
	scope[kind] = append(list, resource)
	delete(scope, "warning")
}

func (c *Cloud) listInstances(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	now := c.options.Now()
	keys, next, no := listed(c, r, c.instances, func(m *machine) (string, map[string]string, bool) {
		return m.Name, m.Labels, !c.down[last(m.Zone)] && now.Sub(m.born) >= c.options.ListLag
	})
	if no != nil {
		return nil, no
	}
	out := c.scopes()
	out.NextPageToken = next
	mask := r.Header.Get("X-Goog-FieldMask")
	for _, name := range keys {
		m := c.instances[name].instance
		if mask != "" && !strings.Contains(mask, "metadata") {
			m.Metadata = nil
		}
		out.add(last(m.Zone), "instances", m)
	}
	return out, nil
}

func (c *Cloud) listDisks(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	keys, next, no := listed(c, r, c.disks, func(d *diskRecord) (string, map[string]string, bool) {
		return d.Name, d.Labels, !c.down[last(d.Zone)]
	})
	if no != nil {
		return nil, no
	}
	out := c.scopes()
	out.NextPageToken = next
	for _, name := range keys {
		out.add(last(c.disks[name].Zone), "disks", *c.disks[name])
	}
	return out, nil
}

func (c *Cloud) removeDisk(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if op := c.repeated(r); op != nil {
		return op.operation, nil
	}
	zone, name := r.PathValue("zone"), r.PathValue("name")
	d := c.disks[key(zone, name)]
	switch {
	case d == nil:
		return nil, notFound("projects/" + Project + "/zones/" + zone + "/disks/" + name)
	case len(d.Users) > 0:
		return nil, refuse(http.StatusBadRequest, "resourceInUseByAnotherResource", "The disk resource '%s' is already being used by '%s'", name, d.Users[0])
	}
	return c.begin(r, "delete", zone, "disks/"+name, nil, func() { delete(c.disks, key(zone, name)) }).operation, nil
}

func (c *Cloud) machineType(r *http.Request) (any, *refusal) {
	zone, name := r.PathValue("zone"), r.PathValue("name")
	if !offered(zone, name) || !zoneExists(zone) {
		return nil, notFound("projects/" + Project + "/zones/" + zone + "/machineTypes/" + name)
	}
	return map[string]any{"name": name, "guestCpus": machineTypes[name], "memoryMb": 4096 * machineTypes[name], "zone": zone}, nil
}

func (c *Cloud) region(r *http.Request) (any, *refusal) {
	name := r.PathValue("region")
	if zones[name] == nil {
		return nil, notFound("projects/" + Project + "/regions/" + name)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	body := map[string]any{"name": name, "status": "UP"}
	var links []string
	for _, zone := range zones[name] {
		links = append(links, selfLink("zones/%s", zone))
	}
	body["zones"] = links
	if name == Region {
		var quotas []map[string]any
		usage := c.usage()
		for _, metric := range slices.Sorted(maps.Keys(c.quota)) {
			quotas = append(quotas, map[string]any{"metric": metric, "limit": float64(c.quota[metric]), "usage": float64(usage[metric])})
		}
		body["quotas"] = quotas
	}
	return body, nil
}

func (c *Cloud) subnetwork(r *http.Request) (any, *refusal) {
	region, name := r.PathValue("region"), r.PathValue("name")
	if !subnetworkExists(region, name) {
		return nil, notFound("projects/" + Project + "/regions/" + region + "/subnetworks/" + name)
	}
	return map[string]any{"name": name, "region": selfLink("regions/%s", region), "ipCidrRange": "10.132.0.0/20"}, nil
}

func (c *Cloud) image(r *http.Request) (any, *refusal) {
	if !imageExists(r.PathValue("project"), r.PathValue("name")) {
		return nil, notFound("projects/" + r.PathValue("project") + "/global/images/" + r.PathValue("name"))
	}
	return imageBody(r.PathValue("name")), nil
}

func (c *Cloud) family(r *http.Request) (any, *refusal) {
	name, ok := families[r.PathValue("project")][r.PathValue("name")]
	if !ok {
		return nil, notFound("projects/" + r.PathValue("project") + "/global/images/family/" + r.PathValue("name"))
	}
	return imageBody(name), nil
}

func imageBody(name string) map[string]any {
	return map[string]any{"name": name, "status": "READY", "diskSizeGb": "10", "creationTimestamp": time.Unix(0, 0).UTC().Format(time.RFC3339), "id": fmt.Sprint(1)}
}
