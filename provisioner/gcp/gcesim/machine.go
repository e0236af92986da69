package gcesim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// machine is an instance and its life.
type machine struct {
	instance
	born    time.Time
	since   time.Time // of the status
	console strings.Builder
}

func (m *machine) become(status string, now time.Time) { m.Status, m.since = status, now }

func (m *machine) advance(now time.Time, step time.Duration) {
	if m.Status == "PROVISIONING" && now.Sub(m.since) >= step {
		m.become("STAGING", m.since.Add(step))
	}
	if m.Status == "STAGING" && now.Sub(m.since) >= step {
		m.become("RUNNING", m.since.Add(step))
		fmt.Fprintf(&m.console, "[    0.000000] Linux version 6.1\n%s login: ", m.Name)
	}
}

func (m *machine) spot() bool { return m.Scheduling != nil && m.Scheduling.ProvisioningModel == "SPOT" }

func key(zone, name string) string { return zone + "/" + name }

// find returns an instance, with the mutex held.
func (c *Cloud) find(r *http.Request) (*machine, *refusal) {
	c.advance()
	zone, name := r.PathValue("zone"), r.PathValue("name")
	m := c.instances[key(zone, name)]
	if m == nil {
		return nil, notFound("projects/" + Project + "/zones/" + zone + "/instances/" + name)
	}
	return m, nil
}

func (c *Cloud) get(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m, no := c.find(r)
	if no != nil {
		return nil, no
	}
	return m.instance, nil
}

func (c *Cloud) remove(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if op := c.repeated(r); op != nil {
		return op.operation, nil
	}
	m, no := c.find(r)
	if no != nil {
		return nil, no
	}
	zone := last(m.Zone)
	m.become("STOPPING", c.options.Now())
	op := c.begin(r, "delete", zone, "instances/"+m.Name, nil, func() { c.erase(zone, m) })
	return op.operation, nil
}

// erase is the end of an instance and of the disks that go with it.
func (c *Cloud) erase(zone string, m *machine) {
	if c.instances[key(zone, m.Name)] != m {
		return
	}
	delete(c.instances, key(zone, m.Name))
	c.free(m)
	stranded := c.strand > 0
	c.strand = max(c.strand-1, 0)
	for _, d := range m.Disks {
		name := key(zone, last(d.Source))
		if d.AutoDelete && !stranded {
			delete(c.disks, name)
		} else if record := c.disks[name]; record != nil {
			record.Users = nil
		}
	}
}

func (c *Cloud) stop(r *http.Request) (any, *refusal) {
	return c.power(r, "stop", "STOPPING", func(m *machine) { m.become("TERMINATED", c.options.Now()) })
}

func (c *Cloud) start(r *http.Request) (any, *refusal) {
	return c.power(r, "start", "", nil)
}

func (c *Cloud) power(r *http.Request, kind, at string, finish func(*machine)) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if op := c.repeated(r); op != nil {
		return op.operation, nil
	}
	m, no := c.find(r)
	if no != nil {
		return nil, no
	}
	zone, now := last(m.Zone), c.options.Now()
	var fails *failure
	switch {
	case kind == "start" && m.Status == "STOPPING":
		return nil, refuse(http.StatusBadRequest, "resourceNotReady", "The resource 'projects/%s/zones/%s/instances/%s' is not ready", Project, zone, m.Name)
	case kind == "start" && m.Status == "TERMINATED":
		if fails = c.lacks(zone, &m.instance); fails == nil {
			m.become("PROVISIONING", now)
		}
	case kind == "stop" && m.Status != "TERMINATED":
		m.become(at, now)
	case kind == "stop":
		finish = nil
	}
	op := c.begin(r, kind, zone, "instances/"+m.Name, fails, func() {
		if finish != nil && m.Status == at {
			finish(m)
		}
	})
	return op.operation, nil
}

func (c *Cloud) serialPort(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m, no := c.find(r)
	if no != nil {
		return nil, no
	}
	text := m.console.String()
	begin := 0
	if raw := r.URL.Query().Get("start"); raw != "" {
		if _, err := fmt.Sscanf(raw, "%d", &begin); err != nil {
			return nil, invalid("start", raw, "")
		}
	}
	if begin < 0 {
		begin = max(len(text)+begin, 0)
	}
	begin = min(begin, len(text))
	return map[string]any{"contents": text[begin:], "start": fmt.Sprint(begin), "next": fmt.Sprint(len(text))}, nil
}

// Print writes to an instance's serial port.
func (c *Cloud) Print(zone, name, text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m := c.instances[key(zone, name)]; m != nil {
		m.console.WriteString(text)
	}
}

// Halt is a guest that shuts itself down.
func (c *Cloud) Halt(zone, name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m := c.instances[key(zone, name)]; m != nil {
		m.become("TERMINATED", c.options.Now())
	}
}

// Preempt takes a spot instance back: it stops, and is then deleted or stopped
// as its instanceTerminationAction says.
func (c *Cloud) Preempt(zone, name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m := c.instances[key(zone, name)]
	if m == nil || !m.spot() {
		return
	}
	m.become("STOPPING", c.options.Now())
	m.StatusMessage = "Instance was preempted."
	c.begin(&http.Request{URL: noQuery}, "compute.instances.preempted", zone, "instances/"+name, nil, func() {
		if m.Scheduling.InstanceTerminationAction == "DELETE" {
			c.erase(zone, m)
			return
		}
		m.become("TERMINATED", c.options.Now())
	})
}

// Maintain announces maintenance of an instance.
func (c *Cloud) Maintain(zone, name string, at time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m := c.instances[key(zone, name)]; m != nil {
		m.ResourceStatus = &resourceStatus{&maintenance{Type: "SCHEDULED", MaintenanceStatus: "PENDING", WindowStartTime: at.UTC().Format(time.RFC3339)}}
	}
}
