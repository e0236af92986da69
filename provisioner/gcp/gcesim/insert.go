package gcesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var (
	noQuery      = &url.URL{}
	resourceName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	labelKey     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue   = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	networkTag   = resourceName
	uuid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// Limits of the reference.
const (
	maxLabels        = 64
	maxMetadataValue = 256 << 10
	maxMetadata      = 512 << 10
)

func (c *Cloud) insert(r *http.Request) (any, *refusal) {
	var in instance
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 2<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, refuse(http.StatusBadRequest, "parseError", "Invalid JSON payload received: %v", err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	id := r.URL.Query().Get("requestId")
	if id != "" && !uuid.MatchString(id) {
		return nil, invalid("requestId", id, "must be a UUID")
	}
	if op := c.repeated(r); op != nil {
		return op.operation, nil
	}
	zone := r.PathValue("zone")
	if no := c.check(zone, &in); no != nil {
		return nil, no
	}
	if no := c.need(Project, insertPermissions(&in)...); no != nil {
		return nil, no
	}
	if c.instances[key(zone, in.Name)] != nil {
		return nil, refuse(http.StatusConflict, "alreadyExists", "The resource 'projects/%s/zones/%s/instances/%s' already exists", Project, zone, in.Name)
	}
	no, fails := c.checkAddresses(zone, &in)
	if no != nil {
		return nil, no
	}
	if fails == nil {
		fails = c.lacks(zone, &in)
	}
	if fails != nil {
		return c.begin(r, "insert", zone, "instances/"+in.Name, fails, nil).operation, nil
	}
	c.create(zone, in)
	return c.begin(r, "insert", zone, "instances/"+in.Name, nil, nil).operation, nil
}

// insertPermissions are what v1/instances/insert wants for what the body holds.
func insertPermissions(in *instance) []string {
	need := []string{"compute.disks.create", "compute.images.useReadOnly"}
	add := func(wanted bool, permission string) {
		if wanted {
			need = append(need, permission)
		}
	}
	add(len(in.Labels) > 0, "compute.instances.setLabels")
	add(in.Metadata != nil, "compute.instances.setMetadata")
	add(in.Tags != nil && len(in.Tags.Items) > 0, "compute.instances.setTags")
	add(len(in.ServiceAccounts) > 0, "compute.instances.setServiceAccount")
	add(len(in.ServiceAccounts) > 0, "iam.serviceAccounts.actAs")
	for _, d := range in.Disks {
		if d.Initialize != nil && len(d.Initialize.Labels) > 0 {
			need = append(need, "compute.disks.setLabels")
			break
		}
	}
	for _, n := range in.NetworkInterfaces {
		add(n.Subnetwork != "", "compute.subnetworks.use")
		add(len(n.AccessConfigs) > 0, "compute.subnetworks.useExternalIp")
		add(len(n.AccessConfigs) > 0 && n.AccessConfigs[0].NatIP != "", "compute.addresses.use")
	}
	return need
}

// check is what insert refuses at once.
func (c *Cloud) check(zone string, in *instance) *refusal {
	machineType := last(in.MachineType)
	switch {
	case !zoneExists(zone):
		return invalid("zone", zone, "Unknown zone.")
	case c.down[zone]:
		return refuse(http.StatusServiceUnavailable, "backendError", "zone %s cannot accept requests", zone)
	case !resourceName.MatchString(in.Name):
		return invalid("resource.name", in.Name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'")
	case after(in.MachineType, "zones") != zone:
		return invalid("resource.machineType", in.MachineType, "Wrong zone.")
	case !offered(zone, machineType):
		return notFound(fmt.Sprintf("projects/%s/zones/%s/machineTypes/%s", Project, zone, machineType))
	case len(in.Disks) == 0 || !in.Disks[0].Boot:
		return refuse(http.StatusBadRequest, "required", "Required field 'resource.disks' not specified")
	case len(in.NetworkInterfaces) == 0:
		return refuse(http.StatusBadRequest, "required", "Required field 'resource.networkInterfaces' not specified")
	}
	if no := checkLabels("resource.labels", in.Labels); no != nil {
		return no
	}
	for i, d := range in.Disks {
		field := fmt.Sprintf("resource.disks[%d].initializeParams", i)
		switch {
		case d.Initialize == nil:
			return refuse(http.StatusBadRequest, "required", "Required field '%s' not specified", field)
		case d.Boot:
			if project, _, ok := sourceImage(d.Initialize.SourceImage); !ok {
				return notFound("projects/" + project + "/global/images/" + last(d.Initialize.SourceImage))
			}
		}
		if no := checkLabels(field+".labels", d.Initialize.Labels); no != nil {
			return no
		}
	}
	for i, n := range in.NetworkInterfaces {
		region := after(n.Subnetwork, "regions")
		if n.Subnetwork != "" && (region != regionOf(zone) || !subnetworkExists(region, last(n.Subnetwork))) {
			return invalid(fmt.Sprintf("resource.networkInterfaces[%d].subnetwork", i), n.Subnetwork, "The referenced subnetwork resource cannot be found.")
		}
	}
	for _, a := range in.ServiceAccounts {
		if !accountExists(a.Email) {
			return refuse(http.StatusBadRequest, "invalid", "The user does not have access to service account '%s'", a.Email)
		}
	}
	if in.Tags != nil {
		for i, tag := range in.Tags.Items {
			if !networkTag.MatchString(tag) {
				return invalid(fmt.Sprintf("resource.tags.items[%d]", i), tag, "Must be a match of regex")
			}
		}
	}
	if spot := (&machine{instance: *in}).spot(); spot && (in.Scheduling.AutomaticRestart == nil || *in.Scheduling.AutomaticRestart) {
		return refuse(http.StatusBadRequest, "invalid", "Invalid value for field 'resource.scheduling': Scheduling must have preemptible be false when AutomaticRestart is true")
	}
	return checkMetadata(in.Metadata)
}

func checkLabels(field string, labels map[string]string) *refusal {
	if len(labels) > maxLabels {
		return invalid(field, "", "Too many labels.")
	}
	for k, v := range labels {
		if !labelKey.MatchString(k) {
			return invalid(field, k, "Label keys must be lower case letters, digits, - and _, at most 63.")
		}
		if !labelValue.MatchString(v) {
			return invalid(field, v, "Label values must be lower case letters, digits, - and _, at most 63.")
		}
	}
	return nil
}

func checkMetadata(m *metadata) *refusal {
	if m == nil {
		return nil
	}
	total := 0
	for _, i := range m.Items {
		if total += len(i.Key) + len(i.Value); len(i.Value) > maxMetadataValue || total > maxMetadata {
			return refuse(http.StatusBadRequest, "invalid", "Value for field 'resource.metadata.items[0].value' is too large: maximum size %d character(s); actual size %d.", maxMetadataValue, len(i.Value))
		}
	}
	return nil
}

func subnetworkExists(region, name string) bool {
	for _, s := range subnetworks[region] {
		if s == name {
			return true
		}
	}
	return false
}

func accountExists(email string) bool {
	for _, a := range accounts {
		if a == email {
			return true
		}
	}
	return false
}

// lacks says what is missing for an instance that is wanted: room in the zone,
// or quota.
func (c *Cloud) lacks(zone string, in *instance) *failure {
	machineType, spot := last(in.MachineType), (&machine{instance: *in}).spot()
	if c.exhausted[Offering{zone, machineType, spot}] {
		return &failure{"ZONE_RESOURCE_POOL_EXHAUSTED", http.StatusServiceUnavailable, fmt.Sprintf(
			"The zone 'projects/%s/zones/%s' does not have enough resources available to fulfill the request. Try a different zone, or try again later.", Project, zone)}
	}
	if regionOf(zone) != Region {
		return nil
	}
	metric := "CPUS"
	if spot {
		metric = "PREEMPTIBLE_CPUS"
	}
	usage := c.usage()
	for name, more := range map[string]int{metric: machineTypes[machineType], "INSTANCES": 1} {
		if limit, limited := c.quota[name]; limited && usage[name]+more > limit {
			return &failure{"QUOTA_EXCEEDED", http.StatusForbidden, fmt.Sprintf("Quota '%s' exceeded.  Limit: %d.0 in region %s.", name, limit, Region)}
		}
	}
	return nil
}

// usage of the quotas of Region. What is stopped holds no processors.
func (c *Cloud) usage() map[string]int {
	used := map[string]int{}
	for _, m := range c.instances {
		if regionOf(last(m.Zone)) != Region {
			continue
		}
		used["INSTANCES"]++
		switch {
		case m.Status == "TERMINATED":
		case m.spot():
			used["PREEMPTIBLE_CPUS"] += machineTypes[last(m.MachineType)]
		default:
			used["CPUS"] += machineTypes[last(m.MachineType)]
		}
	}
	return used
}

func (c *Cloud) create(zone string, in instance) {
	c.serial++
	now := c.options.Now()
	m := &machine{instance: in, born: now}
	m.ID, m.Zone, m.CreationTimestamp = c.serial, selfLink("zones/%s", zone), now.Format("2006-01-02T15:04:05.000-07:00")
	m.become("PROVISIONING", now)
	for i, d := range m.Disks {
		name := d.Initialize.DiskName
		if name == "" {
			name = m.Name
			if i > 0 {
				name = fmt.Sprintf("%s-%d", m.Name, i)
			}
		}
		d.Source = selfLink("zones/%s/disks/%s", zone, name)
		c.disks[key(zone, name)] = &diskRecord{
			Name: name, Zone: m.Zone, SizeGB: d.Initialize.DiskSizeGB, Labels: d.Initialize.Labels, Status: "READY",
			Users: []string{selfLink("zones/%s/instances/%s", zone, m.Name)}, CreationTimestamp: now.Format(time.RFC3339),
		}
		d.Initialize = nil
	}
	for i := range m.NetworkInterfaces {
		n := &m.NetworkInterfaces[i]
		n.NetworkIP = fmt.Sprintf("10.132.%d.%d", c.serial>>8&255, c.serial&255)
		for j := range n.AccessConfigs {
			if n.AccessConfigs[j].NatIP != "" {
				continue
			}
			n.AccessConfigs[j].NatIP = fmt.Sprintf("198.51.%d.%d", c.serial>>8&255, c.serial&255)
		}
	}
	c.instances[key(zone, m.Name)] = m
	c.give(m)
}

// Instances counts those that exist, running or not.
func (c *Cloud) Instances() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	return len(c.instances)
}

// Disks names those that exist.
func (c *Cloud) Disks() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var names []string
	for name := range c.disks {
		names = append(names, name)
	}
	return names
}

// Orphan leaves a disk that no instance has, with its labels.
func (c *Cloud) Orphan(zone, name string, labels map[string]string, made time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.disks[key(zone, name)] = &diskRecord{
		Name: name, Zone: selfLink("zones/%s", zone), SizeGB: 10, Labels: labels, Status: "READY", CreationTimestamp: made.Format(time.RFC3339),
	}
}

// UserData is what an instance's metadata says under user-data.
func (c *Cloud) UserData(zone, name string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m := c.instances[key(zone, name)]
	if m == nil || m.Metadata == nil {
		return ""
	}
	for _, i := range m.Metadata.Items {
		if strings.EqualFold(i.Key, "user-data") {
			return i.Value
		}
	}
	return ""
}
