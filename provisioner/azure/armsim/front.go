package armsim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

const (
	// serialLogs is where boot diagnostics keep what machines wrote.
	serialLogs = "/serial-logs/"
	// operations are where a creation is followed:
	// https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
	operations = "/subscriptions/" + Subscription + "/providers/Microsoft.Compute/locations/" + Region + "/operations/"
	// ofFakes is how the SDK's fakes tell the SDK's clients of a long operation,
	// which no real server does.
	ofFakes = "Fake-Poller-Status"
)

// Credential is one that Compute and Network take: nobody checks it there.
var Credential azcore.TokenCredential = &azfake.TokenCredential{}

// ServeHTTP is the cloud on the wire: Resource Manager, the store of serial logs
// and the issuer of tokens. Creations are followed as Azure's are, not as those of
// the SDK's fakes. It panics with http.ErrAbortHandler where the answer is lost.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, serialLogs):
		c.serialLog(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/"+Tenant+"/"):
		c.issue(w, r)
		return
	case !slices.Contains([]string{"Bearer " + token, "Bearer fake_token"}, r.Header.Get("Authorization")):
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
		return
	case strings.HasPrefix(r.URL.Path, operations):
		c.followed(w, r)
		return
	}
	name := callOf(r.Method, r.URL.Path)
	switch name {
	case "":
		refuse(w, http.StatusNotFound, "InvalidResourceType")
		return
	case listOfGroup, listOfAll:
		c.listed(w, r, name == listOfAll)
		return
	}
	if r.TLS != nil {
		c.mutex.Lock()
		c.served = "https://" + r.Host
		c.mutex.Unlock()
	}
	// The fakes take a request as the SDK has it before it is sent: with the address
	// that it asks, and the name of its call. They panic where one is given up.
	asked := r.Clone(context.WithValue(context.WithoutCancel(r.Context()), runtime.CtxAPINameKey{}, name))
	asked.RequestURI = ""
	if asked.URL.Host == "" {
		asked.URL.Scheme, asked.URL.Host = "https", r.Host
		if r.TLS == nil {
			asked.URL.Scheme = "http"
		}
	}
	to := c.Compute
	if strings.Contains(r.URL.Path, "/providers/Microsoft.Network/") {
		to = c.Network
	}
	answer, err := to.Do(asked)
	var refused *azcore.ResponseError
	switch {
	case errors.As(err, &refused):
		refuse(w, refused.StatusCode, refused.ErrorCode, c.reason(r))
		return
	case err != nil:
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = answer.Body.Close() }()
	for header, values := range answer.Header {
		w.Header()[header] = values
	}
	w.Header().Del(ofFakes)
	if machine := ofMachine.FindStringSubmatch(r.URL.Path); r.Method == http.MethodPut && machine != nil {
		c.Compute.(*wire).forget(machine[1])
		w.Header().Set("Azure-AsyncOperation", asked.URL.Scheme+"://"+asked.URL.Host+operations+machine[1]+"?api-version=2025-04-01")
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // a client that is gone needs none
}

// listed answers with one page of machines. The SDK's fakes give the page that
// comes next, whichever is asked for: an answer that is lost would cost a page.
func (c *Cloud) listed(w http.ResponseWriter, r *http.Request, states bool) {
	if c.throttles() {
		refuse(w, http.StatusTooManyRequests, "TooManyRequests")
		return
	}
	pages, no := c.pages(states)
	if no != nil {
		refuse(w, no.status, no.code)
		return
	}
	at, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("$skiptoken"), "0"))
	if err != nil || at < 0 {
		refuse(w, http.StatusBadRequest, "InvalidParameter")
		return
	}
	body := map[string]any{"value": []any{}}
	if at < len(pages) && len(pages[at]) > 0 {
		body["value"] = pages[at]
	}
	if at+1 < len(pages) {
		next, query := *r.URL, r.URL.Query()
		query.Set("$skiptoken", strconv.Itoa(at+1))
		if next.RawQuery = query.Encode(); next.Host == "" {
			next.Scheme, next.Host = "https", r.Host
		}
		body["nextLink"] = next.String()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs none
}

// throttles says that one more call is too many.
func (c *Cloud) throttles() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	throttled := c.throttled > 0
	c.throttled = max(c.throttled-1, 0)
	return throttled
}

// followed says how far the creation of a machine is.
func (c *Cloud) followed(w http.ResponseWriter, r *http.Request) {
	if c.throttles() {
		refuse(w, http.StatusTooManyRequests, "TooManyRequests")
		return
	}
	c.mutex.Lock()
	m, no := c.of(strings.TrimPrefix(r.URL.Path, operations))
	body := map[string]any{"status": "Succeeded"}
	switch {
	case no != nil:
		body = map[string]any{"status": "Canceled", "error": map[string]string{"code": "OperationPreempted", "message": "The machine was deleted."}}
	case m.failure != "":
		body = map[string]any{"status": "Failed", "error": map[string]string{"code": m.failure, "message": "Allocation failed."}}
	case m.doing == "creating":
		body["status"] = "InProgress"
	}
	c.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs none
}

// reason is more than a code says of why a machine was refused.
func (c *Cloud) reason(r *http.Request) string {
	machine := ofMachine.FindStringSubmatch(r.URL.Path)
	if r.Method != http.MethodPut || machine == nil {
		return ""
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.reasons[machine[1]]
}

// refuse answers as Resource Manager does.
func refuse(w http.ResponseWriter, status int, code string, message ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Ms-Error-Code", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": cmp.Or(strings.Join(message, " "), code+".")}}) // as above
}

const (
	listOfGroup = "VirtualMachinesClient.NewListPager"
	listOfAll   = "VirtualMachinesClient.NewListAllPager"
)

// calls are the SDK's names of what the provider asks for.
var calls = []struct {
	method string
	path   *regexp.Regexp
	name   string
}{
	{"GET", regexp.MustCompile(`/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachines$`), listOfGroup},
	{"GET", regexp.MustCompile(`^/subscriptions/[^/]+/providers/Microsoft\.Compute/virtualMachines$`), listOfAll},
	{"GET", regexp.MustCompile(`/virtualMachines/[^/]+$`), "VirtualMachinesClient.Get"},
	{"PUT", regexp.MustCompile(`/virtualMachines/[^/]+$`), "VirtualMachinesClient.BeginCreateOrUpdate"},
	{"DELETE", regexp.MustCompile(`/virtualMachines/[^/]+$`), "VirtualMachinesClient.BeginDelete"},
	{"POST", regexp.MustCompile(`/virtualMachines/[^/]+/deallocate$`), "VirtualMachinesClient.BeginDeallocate"},
	{"POST", regexp.MustCompile(`/virtualMachines/[^/]+/start$`), "VirtualMachinesClient.BeginStart"},
	{"POST", regexp.MustCompile(`/virtualMachines/[^/]+/retrieveBootDiagnosticsData$`), "VirtualMachinesClient.RetrieveBootDiagnosticsData"},
	{"GET", regexp.MustCompile(`/providers/Microsoft\.Compute/disks$`), "DisksClient.NewListByResourceGroupPager"},
	{"DELETE", regexp.MustCompile(`/disks/[^/]+$`), "DisksClient.BeginDelete"},
	{"GET", regexp.MustCompile(`/providers/Microsoft\.Compute/skus$`), "ResourceSKUsClient.NewListPager"},
	{"GET", regexp.MustCompile(`/locations/[^/]+/usages$`), "UsageClient.NewListPager"},
	{"GET", regexp.MustCompile(`/skus/[^/]+/versions$`), "VirtualMachineImagesClient.List"},
	{"GET", regexp.MustCompile(`/skus/[^/]+/versions/[^/]+$`), "VirtualMachineImagesClient.Get"},
	{"GET", regexp.MustCompile(`/providers/Microsoft\.Network/networkInterfaces$`), "InterfacesClient.NewListPager"},
	{"GET", regexp.MustCompile(`/networkInterfaces/[^/]+$`), "InterfacesClient.Get"},
	{"DELETE", regexp.MustCompile(`/networkInterfaces/[^/]+$`), "InterfacesClient.BeginDelete"},
	{"GET", regexp.MustCompile(`/providers/Microsoft\.Network/publicIPAddresses$`), "PublicIPAddressesClient.NewListPager"},
	{"DELETE", regexp.MustCompile(`/publicIPAddresses/[^/]+$`), "PublicIPAddressesClient.BeginDelete"},
	{"GET", regexp.MustCompile(`/publicIPPrefixes/[^/]+$`), "PublicIPPrefixesClient.Get"},
	{"GET", regexp.MustCompile(`/virtualNetworks/[^/]+/subnets/[^/]+$`), "SubnetsClient.Get"},
}

func callOf(method, path string) string {
	for _, call := range calls {
		if call.method == method && call.path.MatchString(path) {
			return call.name
		}
	}
	return ""
}

// forget drops the fakes of a machine, and with them what operations they hold.
func (w *wire) forget(machine string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.fakes, machine)
}
