package ec2sim

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// instance is one machine with what hangs on it.
type instance struct {
	id, image, size, subnet, zone, state, token string
	spot                                        bool
	request                                     string // spot request
	asked                                       map[string]string
	tags, requestTags                           map[string]string
	address, public                             string
	elastic                                     string // the Elastic IP address that it has
	launched, attached                          time.Time
	seenFrom                                    time.Time // found by others from then on
	until                                       time.Time // the state lasts so long; zero: for good
	reason                                      string
	marked                                      time.Time // spot interruption
	impaired, hostImpaired                      bool
	events                                      []event
	hangs                                       map[string]bool // volumes and interfaces → ends with the instance
}

type event struct {
	Code        string `xml:"code"`
	Description string `xml:"description"`
	NotBefore   string `xml:"notBefore"`
}

// follows is what a state becomes when its time is over.
var follows = map[string]string{"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}

// codes of the states, as DescribeInstances gives them.
var stateCodes = map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

func (i *instance) to(state string, now time.Time, lasts time.Duration) {
	i.state, i.until = state, now.Add(lasts)
	if follows[state] == "" {
		i.until = time.Time{}
	}
}

// advance lets time pass for every instance.
func (s *Sim) advance() {
	now := s.now()
	for _, id := range s.order {
		i := s.instances[id]
		if !i.marked.IsZero() && !now.Before(i.marked.Add(s.options.Warning)) && (i.state == "running" || i.state == "pending") {
			i.to("shutting-down", now, s.options.End)
			i.reason = "Server.SpotInstanceTermination: Spot instance termination"
		}
		if i.until.IsZero() || now.Before(i.until) {
			continue
		}
		i.state, i.until = follows[i.state], time.Time{}
		if i.state == "terminated" {
			for hanging, ends := range i.hangs {
				if !ends {
					s.left[hanging] = i.token
				}
			}
			i.address, i.public = "", ""
			if e := s.of(i.id); e != nil {
				s.give(e, holder{})
			}
		}
		if i.state == "stopped" {
			i.public = ""
		}
	}
}

// visible says whether the replica that answers has heard of the instance.
func (i *instance) visible(now time.Time) bool { return !now.Before(i.seenFrom) }

func (i *instance) attributes(name string) []string {
	switch name {
	case "instance-id":
		return []string{i.id}
	case "instance-state-name":
		return []string{i.state}
	case "client-token":
		return []string{i.token}
	case "instance-type":
		return []string{i.size}
	case "subnet-id":
		return []string{i.subnet}
	}
	if value, ok := i.tags[name[len("tag:"):]]; ok {
		return []string{value}
	}
	return nil
}

type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func tagList(tags map[string]string) []tag {
	list := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}

type instanceView struct {
	ID        string `xml:"instanceId"`
	Image     string `xml:"imageId"`
	StateCode int    `xml:"instanceState>code"`
	State     string `xml:"instanceState>name"`
	Size      string `xml:"instanceType"`
	Launched  string `xml:"launchTime"`
	Zone      string `xml:"placement>availabilityZone"`
	Subnet    string `xml:"subnetId"`
	Private   string `xml:"privateIpAddress,omitempty"`
	Public    string `xml:"ipAddress,omitempty"`
	Reason    string `xml:"stateReason>message,omitempty"`
	Lifecycle string `xml:"instanceLifecycle,omitempty"`
	Request   string `xml:"spotInstanceRequestId,omitempty"`
	Token     string `xml:"clientToken"`
	Tags      []tag  `xml:"tagSet>item"`
	Attached  string `xml:"networkInterfaceSet>item>attachment>attachTime,omitempty"`
}

func (i *instance) view() instanceView {
	v := instanceView{
		ID: i.id, Image: i.image, StateCode: stateCodes[i.state], State: i.state, Size: i.size,
		Launched: i.launched.Format(stamp), Zone: i.zone, Subnet: i.subnet, Private: i.address, Public: cmp.Or(i.elastic, i.public),
		Reason: i.reason, Request: i.request, Token: i.token, Tags: tagList(i.tags),
	}
	if i.state != "terminated" {
		v.Attached = i.attached.Format(stamp)
	}
	if i.spot {
		v.Lifecycle = "spot"
	}
	return v
}

type reservation struct {
	ID        string         `xml:"reservationId"`
	Owner     string         `xml:"ownerId"`
	Instances []instanceView `xml:"instancesSet>item"`
}

type reservationsAnswer struct {
	Request      string        `xml:"requestId"`
	Reservations []reservation `xml:"reservationSet>item"`
	Next         string        `xml:"nextToken,omitempty"`
}

func (c *call) describeInstances() (any, *fault) {
	filters, f := c.filters("instance-id", "instance-state-name", "client-token", "instance-type", "subnet-id", "tag:")
	if f != nil {
		return nil, f
	}
	wanted := c.list("InstanceId")
	if len(wanted) > 0 && c.form.Get("MaxResults") != "" {
		return nil, refuse("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if _, f := c.named(wanted); f != nil {
		return nil, f
	}
	var ids []string
	for _, id := range c.sim.order {
		i := c.sim.instances[id]
		if i.visible(c.sim.now()) && (len(wanted) == 0 || slices.Contains(wanted, id)) && passes(filters, i.attributes) {
			ids = append(ids, id)
		}
	}
	ids, next, f := c.page(ids, 5, 1000)
	if f != nil {
		return nil, f
	}
	out := reservationsAnswer{Request: "sim", Next: next}
	for _, id := range ids {
		out.Reservations = append(out.Reservations, reservation{"r-" + id[2:], account, []instanceView{c.sim.instances[id].view()}})
	}
	return out, nil
}

// named finds instances by id: all, or the error that EC2 gives for the first
// that it does not know.
func (c *call) named(ids []string) ([]*instance, *fault) {
	var all []*instance
	for _, id := range ids {
		if len(id) != len("i-0123456789abcdef0") || id[:2] != "i-" {
			return nil, refuse("InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id)
		}
		if _, err := strconv.ParseUint(id[3:], 16, 64); err != nil {
			return nil, refuse("InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id)
		}
		i := c.sim.instances[id]
		if i == nil || !i.visible(c.sim.now()) {
			return nil, refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
		}
		all = append(all, i)
	}
	return all, nil
}
