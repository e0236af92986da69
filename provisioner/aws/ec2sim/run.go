package ec2sim

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *call) runInstances() (any, *fault) {
	s := c.sim
	if c.form.Get("MinCount") != "1" || c.form.Get("MaxCount") != "1" {
		return nil, refuse("InvalidParameterValue", "this simulator launches one at a time")
	}
	subnetID := c.form.Get("NetworkInterface.1.SubnetId")
	place, placed := s.subnets[subnetID]
	token := c.form.Get("ClientToken")
	if len(token) > 64 {
		return nil, refuse("InvalidParameterValue", "Value for parameter clientToken is invalid: longer than 64")
	}
	key := token + " " + place.zone
	if used, ok := s.tokens[key]; token != "" && ok {
		if used.hash != c.hash() {
			return nil, refuse("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return c.launched(s.instances[used.instance]), nil
	}
	if !placed {
		return nil, refuse("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnetID)
	}
	if f := c.checkLaunch(place); f != nil {
		return nil, f
	}
	if c.form.Get("DryRun") == "true" {
		return nil, &fault{"DryRunOperation", "Request would have succeeded, but DryRun flag is set.", http.StatusPreconditionFailed}
	}
	if f := c.checkRoom(place); f != nil {
		return nil, f
	}
	i := c.make(place, subnetID)
	if token != "" {
		s.tokens[key] = spent{c.hash(), i.id}
	}
	return c.launched(i), nil
}

// hash is over every parameter but the token.
func (c *call) hash() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.form)) {
		if name != "ClientToken" {
			_, _ = fmt.Fprintf(sum, "%q=%q\n", name, c.form[name])
		}
	}
	return string(sum.Sum(nil))
}

func (c *call) launched(i *instance) any {
	return struct {
		Request     string         `xml:"requestId"`
		Reservation string         `xml:"reservationId"`
		Instances   []instanceView `xml:"instancesSet>item"`
	}{"sim", "r-" + i.id[2:], []instanceView{i.view()}}
}

func (c *call) market() string {
	if c.form.Get("InstanceMarketOptions.MarketType") == "spot" {
		return "spot"
	}
	return "on-demand"
}

// checkLaunch refuses what can never succeed.
func (c *call) checkLaunch(place subnet) *fault {
	s, get := c.sim, c.form.Get
	img, ok := s.images[get("ImageId")]
	size, known := s.types[get("InstanceType")]
	data, err := base64.StdEncoding.DecodeString(get("UserData"))
	profile := get("IamInstanceProfile.Name")
	switch {
	case !ok:
		return refuse("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", get("ImageId"))
	case img.state != "available":
		return refuse("InvalidAMIID.Unavailable", "The image ID '%s' is in %s state", img.id, img.state)
	case !known:
		return refuse("InvalidParameterValue", "Invalid value '%s' for InstanceType.", get("InstanceType"))
	case size.architecture != img.architecture:
		return refuse("InvalidParameterValue", "The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI", size.architecture, img.architecture)
	case err != nil:
		return refuse("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data")
	case len(data) > 16<<10:
		return refuse("InvalidParameterValue", "User data is limited to 16384 bytes")
	case profile != "" && !s.profiles[profile]:
		return refuse("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", profile)
	case get("KeyName") != "" && !s.keys[get("KeyName")]:
		return refuse("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", get("KeyName"))
	}
	for _, group := range c.list("NetworkInterface.1.SecurityGroupId") {
		switch vpc, ok := s.groups[group]; {
		case !ok:
			return refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", group)
		case vpc != place.vpc:
			return refuse("InvalidParameter", "Security group %s and subnet belong to different networks.", group)
		}
	}
	return nil
}

// checkRoom refuses what cannot be had now.
func (c *call) checkRoom(place subnet) *fault {
	s, size, market := c.sim, c.form.Get("InstanceType"), c.market()
	if !slices.Contains(s.types[size].zones, place.zone) {
		return refuse("Unsupported", "Your requested instance type (%s) is not supported in your requested Availability Zone (%s).", size, place.zone)
	}
	for _, key := range []string{size + " " + place.zone + " " + market, size + " * " + market, "* " + place.zone + " " + market, "* * " + market, size + " " + place.zone + " *", size + " * *", "* " + place.zone + " *", "* * *"} {
		switch code := s.capacity[key]; code {
		case "":
		case "InsufficientInstanceCapacity":
			return &fault{code, "We currently do not have sufficient " + size + " capacity in the Availability Zone you requested (" + place.zone + ").", http.StatusInternalServerError}
		default:
			return refuse(code, "refused: %s", key)
		}
	}
	count := 0
	for _, i := range s.instances {
		if i.spot == (market == "spot") && i.state != "terminated" {
			count++
		}
	}
	if limit, ok := s.limits[market]; ok && count >= limit {
		if market == "spot" {
			return refuse("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
		}
		return refuse("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows", 2*limit)
	}
	return nil
}

// make makes the instance with its volumes, interface and spot request.
func (c *call) make(place subnet, subnetID string) *instance {
	s := c.sim
	now := s.now()
	i := &instance{
		id: s.id("i"), image: c.form.Get("ImageId"), size: c.form.Get("InstanceType"), subnet: subnetID, zone: place.zone,
		token: c.form.Get("ClientToken"), spot: c.market() == "spot", asked: map[string]string{},
		tags: c.tags("instance"), launched: now.Truncate(time.Millisecond), attached: now.Truncate(time.Millisecond),
		address: fmt.Sprintf("10.0.%d.%d", s.serial/250, s.serial%250+1), seenFrom: now, hangs: map[string]bool{},
	}
	if s.options.Lag > 0 {
		i.seenFrom = now.Add(time.Duration(s.rng.Int64N(int64(s.options.Lag))))
	}
	if c.form.Get("NetworkInterface.1.AssociatePublicIpAddress") == "true" {
		i.public = fmt.Sprintf("203.0.113.%d", s.serial%250+1)
	}
	if i.spot {
		i.request, i.requestTags = s.id("sir"), c.tags("spot-instances-request")
	}
	for name, values := range c.form {
		i.asked[name] = values[0]
	}
	for n := 1; c.form.Get(fmt.Sprintf("BlockDeviceMapping.%d.DeviceName", n)) != ""; n++ {
		i.hangs[s.id("vol")] = c.form.Get(fmt.Sprintf("BlockDeviceMapping.%d.Ebs.DeleteOnTermination", n)) == "true"
	}
	i.hangs[s.id("eni")] = c.form.Get("NetworkInterface.1.DeleteOnTermination") == "true"
	i.to("pending", now, s.options.Boot)
	s.instances[i.id] = i
	s.order = append(s.order, i.id)
	return i
}

// tags reads the TagSpecification of a kind of resource.
func (c *call) tags(kind string) map[string]string {
	tags := map[string]string{}
	for n := 1; ; n++ {
		at := "TagSpecification." + strconv.Itoa(n)
		switch c.form.Get(at + ".ResourceType") {
		case "":
			return tags
		case kind:
			for m := 1; c.form.Get(at+".Tag."+strconv.Itoa(m)+".Key") != ""; m++ {
				tags[c.form.Get(at+".Tag."+strconv.Itoa(m)+".Key")] = c.form.Get(at + ".Tag." + strconv.Itoa(m) + ".Value")
			}
		}
	}
}

type changeAnswer struct {
	Request string   `xml:"requestId"`
	Changed []change `xml:"instancesSet>item"`
}

type change struct {
	ID      string `xml:"instanceId"`
	Current string `xml:"currentState>name"`
	Before  string `xml:"previousState>name"`
}

// each changes the named instances: all, or none when one of them can't be.
func (c *call) each(can func(*instance) *fault, do func(*instance)) (any, *fault) {
	all, f := c.named(c.list("InstanceId"))
	if f != nil {
		return nil, f
	}
	for _, i := range all {
		if f := can(i); f != nil {
			return nil, f
		}
	}
	out := changeAnswer{Request: "sim"}
	for _, i := range all {
		before := i.state
		do(i)
		out.Changed = append(out.Changed, change{i.id, i.state, before})
	}
	return out, nil
}

func (c *call) terminateInstances() (any, *fault) {
	return c.each(func(*instance) *fault { return nil }, func(i *instance) {
		if i.state != "terminated" && i.state != "shutting-down" {
			i.to("shutting-down", c.sim.now(), c.sim.options.End)
			i.reason = "Client.UserInitiatedShutdown: User initiated shutdown"
		}
	})
}

func (c *call) stopInstances() (any, *fault) {
	return c.each(func(i *instance) *fault {
		switch {
		case i.spot:
			return refuse("UnsupportedOperation", "You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance request.", i.id)
		case i.state == "pending", i.state == "shutting-down", i.state == "terminated":
			return refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be stopped.", i.id)
		}
		return nil
	}, func(i *instance) {
		if i.state == "running" {
			i.to("stopping", c.sim.now(), c.sim.options.Halt)
		}
	})
}

func (c *call) startInstances() (any, *fault) {
	return c.each(func(i *instance) *fault {
		if !slices.Contains([]string{"stopped", "running", "pending"}, i.state) {
			return refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be started.", i.id)
		}
		return nil
	}, func(i *instance) {
		if i.state == "stopped" {
			i.to("pending", c.sim.now(), c.sim.options.Boot)
			i.launched = c.sim.now().Truncate(time.Millisecond)
			if strings.EqualFold(i.asked["NetworkInterface.1.AssociatePublicIpAddress"], "true") {
				c.sim.serial++
				i.public = fmt.Sprintf("203.0.113.%d", c.sim.serial%250+1)
			}
		}
	})
}

func (c *call) getConsoleOutput() (any, *fault) {
	all, f := c.named([]string{c.form.Get("InstanceId")})
	if f != nil {
		return nil, f
	}
	i := all[0]
	if c.form.Get("Latest") == "true" && !c.sim.types[i.size].nitro {
		return nil, refuse("UnsupportedOperation", "This instance type does not support retrieving the latest console logs.")
	}
	text := ""
	if i.state == "running" {
		text = "cloud-init: node " + i.tags["godwit:node"] + " up\n"
	}
	return struct {
		Request string `xml:"requestId"`
		ID      string `xml:"instanceId"`
		Output  string `xml:"output,omitempty"`
	}{"sim", i.id, base64.StdEncoding.EncodeToString([]byte(text))}, nil
}
