package metadata

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// service answers what a cloud documents, and refuses who asks in another way.
func service(t *testing.T, answers map[string]string) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := r.Header.Get("Metadata") == "true" || r.Header.Get("Metadata-Flavor") == "Google" ||
			r.Header.Get("X-Aws-Ec2-Metadata-Token") == "session" || r.Method == http.MethodPut && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != ""
		answer, known := answers[r.URL.Path]
		switch {
		case !allowed || r.Header.Get("X-Forwarded-For") != "":
			w.WriteHeader(http.StatusUnauthorized)
		case !known:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(s.Close)
	return &Client{Base: s.URL, HTTP: s.Client()}
}

const (
	azureOwn      = "/metadata/instance/network/interface/0/ipv4/ipAddress/0"
	azureBalancer = "/metadata/loadbalancer"
	gceOwn        = "/computeMetadata/v1/instance/network-interfaces/0/ip"
)

func TestEachCloudTellsTheMachinesAddresses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, service string
		answers       map[string]string
		want          Addresses
		says          string
	}{
		{"EC2, both", "ec2", map[string]string{
			"/latest/api/token": "session", "/latest/meta-data/local-ipv4": "10.0.0.9", "/latest/meta-data/public-ipv4": "198.51.100.7\n",
		}, Addresses{"198.51.100.7", "10.0.0.9"}, ""},
		{"EC2 without a public one", "ec2", map[string]string{"/latest/api/token": "session", "/latest/meta-data/local-ipv4": "10.0.0.9"}, Addresses{"", "10.0.0.9"}, ""},
		{"GCE, both", "gce", map[string]string{
			gceOwn: "10.128.0.2", "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip": "203.0.113.4",
		}, Addresses{"203.0.113.4", "10.128.0.2"}, ""},
		{"GCE without a public one", "gce", map[string]string{
			gceOwn: "10.128.0.2", "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip": "",
		}, Addresses{"", "10.128.0.2"}, ""},
		{"Azure, basic", "azure", map[string]string{azureOwn: `{"privateIpAddress":"10.1.0.4","publicIpAddress":"192.0.2.8"}`}, Addresses{"192.0.2.8", "10.1.0.4"}, ""},
		{"Azure, standard", "azure", map[string]string{
			azureOwn:      `{"privateIpAddress":"10.1.0.4","publicIpAddress":""}`,
			azureBalancer: `{"loadbalancer":{"publicIpAddresses":[{"frontendIpAddress":"192.0.2.1","privateIpAddress":"10.1.0.3"},{"frontendIpAddress":"192.0.2.9","privateIpAddress":"10.1.0.4"}]}}`,
		}, Addresses{"192.0.2.9", "10.1.0.4"}, ""},
		{"Azure without a public one", "azure", map[string]string{azureOwn: `{"privateIpAddress":"10.1.0.4"}`}, Addresses{"", "10.1.0.4"}, ""},
		{"a captive portal", "gce", map[string]string{gceOwn: "<html>sign in</html>"}, Addresses{}, "is no address"},
		{"nothing at all", "gce", nil, Addresses{}, "names no private address"},
		{"an answer that is not JSON", "azure", map[string]string{azureOwn: "10.1.0.4"}, Addresses{}, "its answer"},
		{"an unknown cloud", "nimbus", nil, Addresses{}, "none of azure, ec2, gce"},
	} {
		got, err := service(t, row.answers).Ask(t.Context(), row.service)
		if got != row.want || (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}
