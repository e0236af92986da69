package ec2sim

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	stamp      = "2006-01-02T15:04:05.000Z"
	stsVersion = "2011-06-15"
	account    = "123456789012"
)

// fault is an answer that is an error.
type fault struct {
	code, message string
	status        int
}

func refuse(code, format string, values ...any) *fault {
	return &fault{code, fmt.Sprintf(format, values...), http.StatusBadRequest}
}

// call is one request.
type call struct {
	sim    *Sim
	form   url.Values
	action string
	key    string
	sts    bool
}

var credential = regexp.MustCompile(`Credential=([^/]+)/`)

func accessKey(header string) string {
	if found := credential.FindStringSubmatch(header); found != nil {
		return found[1]
	}
	return ""
}

func (c *call) answer() (any, *fault) {
	s := c.sim
	name := c.action
	if c.sts {
		name = "sts:" + name
	}
	s.calls[name]++
	if c.key == "" || c.key == Deny {
		if c.sts {
			return nil, &fault{"InvalidClientTokenId", "The security token included in the request is invalid.", http.StatusForbidden}
		}
		return nil, &fault{"AuthFailure", "AWS was not able to validate the provided access credentials", http.StatusUnauthorized}
	}
	if s.throttle[c.action] > 0 {
		s.throttle[c.action]--
		return nil, &fault{"RequestLimitExceeded", "Request limit exceeded.", http.StatusServiceUnavailable}
	}
	if s.broken[c.action] > 0 {
		s.broken[c.action]--
		return nil, &fault{"InternalError", "An internal error has occurred", http.StatusInternalServerError}
	}
	if s.denied[c.action] {
		return nil, &fault{"UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:sts::" + account + ":assumed-role/manager is not authorized to perform: ec2:" + c.action, http.StatusForbidden}
	}
	do := actions[c.action]
	if c.sts {
		do = ofSTS[c.action]
	}
	if do == nil {
		return nil, refuse("InvalidAction", "The action %s is not valid for this web service.", c.action)
	}
	return do(c)
}

// actions are what the simulator knows of EC2, and ofSTS of STS.
var (
	actions = map[string]func(*call) (any, *fault){
		"RunInstances": (*call).runInstances, "DescribeInstances": (*call).describeInstances, "TerminateInstances": (*call).terminateInstances,
		"StopInstances": (*call).stopInstances, "StartInstances": (*call).startInstances, "GetConsoleOutput": (*call).getConsoleOutput,
		"DescribeImages": (*call).describeImages, "DescribeSubnets": (*call).describeSubnets, "DescribeSecurityGroups": (*call).describeSecurityGroups,
		"DescribeInstanceTypes": (*call).describeInstanceTypes, "DescribeInstanceTypeOfferings": (*call).describeOfferings,
		"DescribeInstanceStatus": (*call).describeStatus, "DescribeSpotInstanceRequests": (*call).describeSpotRequests,
		"DescribeAddresses": (*call).describeAddresses, "AssociateAddress": (*call).associateAddress,
	}
	ofSTS = map[string]func(*call) (any, *fault){
		"GetCallerIdentity": (*call).getCallerIdentity, "AssumeRole": (*call).assumeRole,
	}
)

// Actions of EC2 that the simulator answers, in order; it refuses every other.
func Actions() []string { return slices.Sorted(maps.Keys(actions)) }

// write puts the answer into the protocol's XML.
func (c *call) write(w http.ResponseWriter, body any, f *fault) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if f != nil {
		w.WriteHeader(f.status)
		if c.sts {
			_ = xml.NewEncoder(w).Encode(struct {
				XMLName xml.Name `xml:"ErrorResponse"`
				Type    string   `xml:"Error>Type"`
				Code    string   `xml:"Error>Code"`
				Message string   `xml:"Error>Message"`
				Request string   `xml:"RequestId"`
			}{Type: "Sender", Code: f.code, Message: f.message, Request: "sim"})
			return
		}
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Response"`
			Code    string   `xml:"Errors>Error>Code"`
			Message string   `xml:"Errors>Error>Message"`
			Request string   `xml:"RequestID"`
		}{Code: f.code, Message: f.message, Request: "sim"})
		return
	}
	_ = xml.NewEncoder(w).EncodeElement(body, xml.StartElement{Name: xml.Name{Local: c.action + "Response"}})
}

// list reads NAME.1, NAME.2 …
func (c *call) list(name string) []string {
	var values []string
	for n := 1; ; n++ {
		value, ok := c.form[name+"."+strconv.Itoa(n)]
		if !ok {
			return values
		}
		values = append(values, value[0])
	}
}

// filters reads Filter.N and refuses those that the call does not know.
func (c *call) filters(known ...string) (map[string][]string, *fault) {
	all := map[string][]string{}
	for n := 1; ; n++ {
		at := "Filter." + strconv.Itoa(n)
		name := c.form.Get(at + ".Name")
		if name == "" {
			return all, nil
		}
		if !slices.Contains(known, name) && (!strings.HasPrefix(name, "tag:") || !slices.Contains(known, "tag:")) {
			return nil, refuse("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		values := c.list(at + ".Value")
		if len(values) == 0 {
			return nil, refuse("InvalidParameterValue", "The filter '%s' has no value", name)
		}
		if len(values) > 200 {
			return nil, refuse("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
		}
		all[name] = values
	}
}

// passes says whether a resource fits the filters, by its attributes.
func passes(filters map[string][]string, attributes func(name string) []string) bool {
	for name, wanted := range filters {
		if !slices.ContainsFunc(attributes(name), func(has string) bool {
			return slices.ContainsFunc(wanted, func(pattern string) bool { return matches(pattern, has) })
		}) {
			return false
		}
	}
	return true
}

// matches knows * and ?, and \ before them.
func matches(pattern, text string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.NewReplacer(`\\\*`, `\*`, `\\\?`, `\?`, `\*`, `.*`, `\?`, `.`).Replace(quoted)
	found, err := regexp.MatchString("(?s)^"+quoted+"$", text)
	return err == nil && found
}

// page cuts a list of ids by MaxResults and NextToken. What the token stands for
// was fixed when it was given out.
func (c *call) page(ids []string, least, most int) (now []string, next string, f *fault) {
	if token := c.form.Get("NextToken"); token != "" {
		kept, ok := c.sim.pages[token]
		if !ok {
			return nil, "", refuse("InvalidParameterValue", "Invalid value '%s' for NextToken.", token)
		}
		ids = kept // asked for again where the answer was lost
	}
	size := most
	if raw := c.form.Get("MaxResults"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < least || n > most {
			return nil, "", refuse("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d and at most %d.", raw, least, most)
		}
		size = n
	}
	if len(ids) <= size {
		return ids, "", nil
	}
	next = c.sim.id("token")
	c.sim.pages[next] = ids[size:]
	return ids[:size], next, nil
}

type identityAnswer struct {
	Account string `xml:"GetCallerIdentityResult>Account"`
	Arn     string `xml:"GetCallerIdentityResult>Arn"`
	User    string `xml:"GetCallerIdentityResult>UserId"`
}

func (c *call) getCallerIdentity() (any, *fault) {
	return identityAnswer{account, "arn:aws:iam::" + account + ":user/" + c.key, c.key}, nil
}

type roleAnswer struct {
	Key        string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret     string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Session    string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration string `xml:"AssumeRoleResult>Credentials>Expiration"`
	User       string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
}

func (c *call) assumeRole() (any, *fault) {
	role := c.form.Get("RoleArn")
	if c.form.Get("ExternalId") != "friend" {
		return nil, &fault{"AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource: " + role, http.StatusForbidden}
	}
	return roleAnswer{"ASIASIM", "secret", "session", c.sim.now().Add(3600e9).Format(stamp), role}, nil
}
