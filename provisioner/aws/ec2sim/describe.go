package ec2sim

import (
	"maps"
	"slices"
)

func (c *call) describeImages() (any, *fault) {
	filters, f := c.filters("image-id", "name", "state", "architecture")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID           string `xml:"imageId"`
		Name         string `xml:"name"`
		State        string `xml:"imageState"`
		Architecture string `xml:"architecture"`
		Created      string `xml:"creationDate"`
		Root         string `xml:"rootDeviceName"`
		RootType     string `xml:"rootDeviceType"`
	}
	out := struct {
		Request string `xml:"requestId"`
		Images  []view `xml:"imagesSet>item"`
		Next    string `xml:"nextToken,omitempty"`
	}{Request: "sim"}
	owners := c.list("Owner")
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(c.sim.images)) {
		img := c.sim.images[id]
		has := map[string]string{"image-id": img.id, "name": img.name, "state": img.state, "architecture": img.architecture}
		if (len(owners) == 0 || slices.Contains(owners, img.owner)) && passes(filters, func(name string) []string { return []string{has[name]} }) {
			ids = append(ids, id)
		}
	}
	ids, out.Next, f = c.page(ids, 1, 1000)
	for _, id := range ids {
		img := c.sim.images[id]
		out.Images = append(out.Images, view{img.id, img.name, img.state, img.architecture, img.created, "/dev/xvda", "ebs"})
	}
	return out, f
}

func (c *call) describeSubnets() (any, *fault) {
	filters, f := c.filters("subnet-id", "vpc-id")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID   string `xml:"subnetId"`
		VPC  string `xml:"vpcId"`
		Zone string `xml:"availabilityZone"`
	}
	out := struct {
		Request string `xml:"requestId"`
		Subnets []view `xml:"subnetSet>item"`
	}{Request: "sim"}
	for _, id := range slices.Sorted(maps.Keys(c.sim.subnets)) {
		s := c.sim.subnets[id]
		has := map[string]string{"subnet-id": id, "vpc-id": s.vpc}
		if passes(filters, func(name string) []string { return []string{has[name]} }) {
			out.Subnets = append(out.Subnets, view{id, s.vpc, s.zone})
		}
	}
	return out, nil
}

func (c *call) describeSecurityGroups() (any, *fault) {
	filters, f := c.filters("group-id", "vpc-id")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID  string `xml:"groupId"`
		VPC string `xml:"vpcId"`
	}
	out := struct {
		Request string `xml:"requestId"`
		Groups  []view `xml:"securityGroupInfo>item"`
	}{Request: "sim"}
	for _, id := range slices.Sorted(maps.Keys(c.sim.groups)) {
		has := map[string]string{"group-id": id, "vpc-id": c.sim.groups[id]}
		if passes(filters, func(name string) []string { return []string{has[name]} }) {
			out.Groups = append(out.Groups, view{id, c.sim.groups[id]})
		}
	}
	return out, nil
}

func (c *call) describeInstanceTypes() (any, *fault) {
	filters, f := c.filters("instance-type")
	if f != nil {
		return nil, f
	}
	type view struct {
		Name          string   `xml:"instanceType"`
		Architectures []string `xml:"processorInfo>supportedArchitectures>item"`
	}
	out := struct {
		Request string `xml:"requestId"`
		Types   []view `xml:"instanceTypeSet>item"`
	}{Request: "sim"}
	for _, name := range slices.Sorted(maps.Keys(c.sim.types)) {
		if passes(filters, func(string) []string { return []string{name} }) {
			out.Types = append(out.Types, view{name, []string{c.sim.types[name].architecture}})
		}
	}
	return out, nil
}

func (c *call) describeOfferings() (any, *fault) {
	filters, f := c.filters("instance-type", "location")
	if f != nil {
		return nil, f
	}
	type view struct {
		Name     string `xml:"instanceType"`
		Type     string `xml:"locationType"`
		Location string `xml:"location"`
	}
	out := struct {
		Request string `xml:"requestId"`
		All     []view `xml:"instanceTypeOfferingSet>item"`
	}{Request: "sim"}
	for _, name := range slices.Sorted(maps.Keys(c.sim.types)) {
		for _, zone := range c.sim.types[name].zones {
			has := map[string]string{"instance-type": name, "location": zone}
			if passes(filters, func(n string) []string { return []string{has[n]} }) {
				out.All = append(out.All, view{name, "availability-zone", zone})
			}
		}
	}
	return out, nil
}

func (c *call) describeStatus() (any, *fault) {
	filters, f := c.filters("event.code", "instance-status.status", "system-status.status", "instance-state-name")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID     string  `xml:"instanceId"`
		State  string  `xml:"instanceState>name"`
		Status string  `xml:"instanceStatus>status"`
		Host   string  `xml:"systemStatus>status"`
		Events []event `xml:"eventsSet>item"`
	}
	out := struct {
		Request  string `xml:"requestId"`
		Statuses []view `xml:"instanceStatusSet>item"`
		Next     string `xml:"nextToken,omitempty"`
	}{Request: "sim"}
	word := func(impaired bool) string {
		if impaired {
			return "impaired"
		}
		return "ok"
	}
	var ids []string
	for _, id := range c.sim.order {
		i := c.sim.instances[id]
		if i.state != "running" || !i.visible(c.sim.now()) { // IncludeAllInstances is off
			continue
		}
		if passes(filters, func(name string) []string {
			switch name {
			case "instance-status.status":
				return []string{word(i.impaired)}
			case "system-status.status":
				return []string{word(i.hostImpaired)}
			case "instance-state-name":
				return []string{i.state}
			}
			var codes []string
			for _, e := range i.events {
				codes = append(codes, e.Code)
			}
			return codes
		}) {
			ids = append(ids, id)
		}
	}
	ids, out.Next, f = c.page(ids, 5, 1000)
	for _, id := range ids {
		i := c.sim.instances[id]
		out.Statuses = append(out.Statuses, view{i.id, i.state, word(i.impaired), word(i.hostImpaired), i.events})
	}
	return out, f
}

func (c *call) describeSpotRequests() (any, *fault) {
	filters, f := c.filters("status-code", "state", "tag:")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID       string `xml:"spotInstanceRequestId"`
		Instance string `xml:"instanceId"`
		Code     string `xml:"status>code"`
		Updated  string `xml:"status>updateTime"`
		Tags     []tag  `xml:"tagSet>item"`
	}
	out := struct {
		Request string `xml:"requestId"`
		All     []view `xml:"spotInstanceRequestSet>item"`
		Next    string `xml:"nextToken,omitempty"`
	}{Request: "sim"}
	views := map[string]view{}
	var ids []string
	for _, id := range c.sim.order {
		i := c.sim.instances[id]
		if !i.spot {
			continue
		}
		v := view{i.request, i.id, "fulfilled", i.launched.Format(stamp), tagList(i.requestTags)}
		switch {
		case i.state == "terminated" && !i.marked.IsZero():
			v.Code = "instance-terminated-no-capacity"
		case i.state == "terminated":
			v.Code = "instance-terminated-by-user"
		case !i.marked.IsZero():
			v.Code, v.Updated = "marked-for-termination", i.marked.Format(stamp)
		}
		if passes(filters, func(name string) []string {
			if name == "status-code" {
				return []string{v.Code}
			}
			if value, ok := i.requestTags[name[len("tag:"):]]; ok {
				return []string{value}
			}
			return nil
		}) {
			views[id], ids = v, append(ids, id)
		}
	}
	ids, out.Next, f = c.page(ids, 5, 1000)
	for _, id := range ids {
		out.All = append(out.All, views[id])
	}
	return out, f
}
