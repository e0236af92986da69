// Package metadata asks a cloud's metadata service what addresses this machine
// has: a machine behind the cloud's address translation cannot see its public
// one by itself, and it may change with every start.
//
// Each cloud's way of asking is in one function, with its source. An address
// that the machine does not have is empty and no error.
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Addresses of this machine; empty where it has none, or nobody says.
type Addresses struct {
	Public, Private string
}

// base is the link-local address that all three clouds use.
const base = "http://169.254.169.254"

// Client asks. The zero value asks the clouds' own address.
type Client struct {
	Base string // in place of http://169.254.169.254
	HTTP *http.Client
}

// Services are the names that Ask knows.
func Services() []string { return []string{"azure", "ec2", "gce"} }

// Ask returns what the service of that name says. It fails when the service does
// not answer, or with something that is no address.
func (c *Client) Ask(ctx context.Context, service string) (Addresses, error) {
	var a Addresses
	var err error
	switch service {
	case "ec2":
		a, err = c.ec2(ctx)
	case "gce":
		a, err = c.gce(ctx)
	case "azure":
		a, err = c.azure(ctx)
	default:
		return a, fmt.Errorf("metadata service %q is none of %s", service, strings.Join(Services(), ", "))
	}
	if err == nil && a.Private == "" {
		err = errors.New("it names no private address")
	}
	for _, address := range []string{a.Public, a.Private} {
		if _, parse := netip.ParseAddr(address); address != "" && parse != nil && err == nil {
			err = fmt.Errorf("its answer %.60q is no address", address)
		}
	}
	if err != nil {
		return Addresses{}, fmt.Errorf("metadata service of %s: %w", service, err)
	}
	return a, nil
}

// ec2 speaks version 2, which wants a session:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
func (c *Client) ec2(ctx context.Context) (Addresses, error) {
	var a Addresses
	token, err := c.ask(ctx, http.MethodPut, "/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if err != nil {
		return a, err
	}
	for path, into := range map[string]*string{"local-ipv4": &a.Private, "public-ipv4": &a.Public} {
		if *into, err = c.ask(ctx, http.MethodGet, "/latest/meta-data/"+path, "X-Aws-Ec2-Metadata-Token", token); err != nil {
			return a, err
		}
	}
	return a, nil
}

// gce: https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
func (c *Client) gce(ctx context.Context) (Addresses, error) {
	var a Addresses
	const first = "/computeMetadata/v1/instance/network-interfaces/0/"
	for path, into := range map[string]*string{"ip": &a.Private, "access-configs/0/external-ip": &a.Public} {
		var err error
		if *into, err = c.ask(ctx, http.MethodGet, first+path, "Metadata-Flavor", "Google"); err != nil {
			return a, err
		}
	}
	return a, nil
}

// azure names public addresses of the basic kind with the instance and those of
// the standard kind with the load balancer, which need not be there:
// https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
// https://learn.microsoft.com/azure/load-balancer/howto-load-balancer-imds
func (c *Client) azure(ctx context.Context) (Addresses, error) {
	var a Addresses
	text, err := c.ask(ctx, http.MethodGet, "/metadata/instance/network/interface/0/ipv4/ipAddress/0?api-version=2021-02-01&format=json", "Metadata", "true")
	if err != nil {
		return a, err
	}
	var own struct{ PrivateIPAddress, PublicIPAddress string }
	if err := json.Unmarshal([]byte(text), &own); err != nil {
		return a, fmt.Errorf("its answer: %w", err)
	}
	a.Private, a.Public = own.PrivateIPAddress, own.PublicIPAddress
	if a.Public != "" {
		return a, nil
	}
	text, err = c.ask(ctx, http.MethodGet, "/metadata/loadbalancer?api-version=2020-10-01&format=json", "Metadata", "true")
	if err != nil || text == "" {
		return a, err
	}
	var balancer struct {
		LoadBalancer struct {
			PublicIPAddresses []struct{ FrontendIPAddress, PrivateIPAddress string }
		}
	}
	if err := json.Unmarshal([]byte(text), &balancer); err != nil {
		return a, fmt.Errorf("its answer about load balancers: %w", err)
	}
	for _, p := range balancer.LoadBalancer.PublicIPAddresses {
		if p.PrivateIPAddress == a.Private {
			a.Public = p.FrontendIPAddress
		}
	}
	return a, nil
}

// ask returns the answer's text; what the service does not have is empty.
func (c *Client) ask(ctx context.Context, method, path, header, value string) (string, error) {
	at := c.Base
	if at == "" {
		at = base
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at+path, nil)
	if err != nil {
		return "", fmt.Errorf("question: %w", err)
	}
	r.Header.Set(header, value)
	client := c.HTTP
	if client == nil {
		// Never by way of a proxy: the address means this machine.
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		client = &http.Client{Transport: transport}
	}
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	switch {
	case err != nil:
		return "", err
	case res.StatusCode == http.StatusNotFound:
		return "", nil
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s answers %s", r.URL.Path, res.Status)
	}
	return strings.TrimSpace(string(body)), nil
}
