package stage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/identity/pin"
)

// API is what is asked of the manager, all of it public.
type API struct {
	URL     string // of the console
	Address string // with the pin
	*client.Client
}

func newAPI(url, ca string) (*API, error) {
	address := url
	if ca != "" {
		address = pin.URL(url, ca)
	}
	c, err := client.New(address)
	return &API{URL: url, Address: address, Client: c}, err
}

func (a *API) ready(ctx context.Context) (bool, error) {
	_, err := a.Do(ctx, http.MethodGet, "/readyz", nil, nil)
	return err == nil, err
}

// Node is a node as the API shows it.
type Node struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	State       string    `json:"state"`
	Pool        string    `json:"pool"`
	Sessions    int       `json:"sessions"`
	InstanceID  string    `json:"instance_id"`
	Address     string    `json:"address"`
	Port        int       `json:"port"`
	ReportedAt  time.Time `json:"reported_at"`
	SendBps     int64     `json:"send_bps"`
	ReceiveBps  int64     `json:"receive_bps"`
	Utilization *struct {
		Value  float64 `json:"value"`
		Signal string  `json:"signal"`
	} `json:"utilization"`
}

// Nodes returns every node that has not ended.
func (a *API) Nodes(ctx context.Context) ([]Node, error) {
	var page struct {
		Items []Node `json:"items"`
	}
	_, err := a.Do(ctx, http.MethodGet, "/api/v1/nodes?limit=500", nil, &page)
	return page.Items, err
}

// Node returns one node, ended or not.
func (a *API) Node(ctx context.Context, id string) (Node, error) {
	var n Node
	_, err := a.Do(ctx, http.MethodGet, "/api/v1/nodes/"+id, nil, &n)
	return n, err
}

// Running counts running nodes.
func (a *API) Running(ctx context.Context) (int, error) {
	nodes, err := a.Nodes(ctx)
	n := 0
	for _, x := range nodes {
		if x.State == "running" {
			n++
		}
	}
	return n, err
}

// Clusters returns the names of all clusters.
func (a *API) Clusters(ctx context.Context) ([]string, error) {
	var page struct {
		Items []struct {
			Name string `json:"name"`
		} `json:"items"`
	}
	_, err := a.Do(ctx, http.MethodGet, "/api/v1/clusters?limit=500", nil, &page)
	names := make([]string, len(page.Items))
	for i, c := range page.Items {
		names[i] = c.Name
	}
	return names, err
}

// AccessKey is a tenant's.
type AccessKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// FirstRun does what the first person does: follow the set-up link, make the
// administrator, and a token for the machine.
func (s *Stage) FirstRun(ctx context.Context) error {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	s.Password = base64.RawURLEncoding.EncodeToString(b)
	token := s.Manager.SetupToken()
	if token == "" {
		return fmt.Errorf("the manager printed no set-up link; its log is %s", s.Path("logs", "manager.log"))
	}
	if _, err := s.API.Do(ctx, http.MethodPost, "/api/v1/setup", map[string]string{"token": token, "name": "admin", "password": s.Password}, nil); err != nil {
		return fmt.Errorf("set-up link: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	person, err := client.New(s.API.Address, client.WithCookies(jar))
	if err != nil {
		return err
	}
	if _, err := person.Do(ctx, http.MethodPost, "/api/v1/sessions", map[string]string{"name": "admin", "password": s.Password}, nil); err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	var made struct {
		Token string `json:"token"`
	}
	if _, err := person.Do(ctx, http.MethodPost, "/api/v1/api-tokens", map[string]string{"name": "stage", "role": "admin"}, &made); err != nil {
		return fmt.Errorf("API token: %w", err)
	}
	if s.API.Client, err = client.New(s.API.Address, client.WithToken(made.Token)); err != nil {
		return err
	}
	return s.Login(ctx, made.Token, "--token", "-")
}

// Login stores credentials for the command line, by the command line.
func (s *Stage) Login(ctx context.Context, secret string, flags ...string) error {
	cmd := exec.CommandContext(ctx, s.Bin("godwit"), append([]string{"login", s.API.Address}, flags...)...)
	cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+s.Profile())
	cmd.Stdin = strings.NewReader(secret + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("godwit login: %w: %s", err, out)
	}
	return nil
}

// CreateTenant makes an access key over a directory and signs the command line
// in with it.
func (s *Stage) CreateTenant(ctx context.Context, name, dir string) error {
	key := map[string]any{"name": name, "storage": map[string]string{"type": "local", "path": dir}}
	if _, err := s.API.Do(ctx, http.MethodPost, "/api/v1/access-keys", key, &s.Key); err != nil {
		return fmt.Errorf("access key: %w", err)
	}
	return s.Login(ctx, s.Key.Secret, "--key", s.Key.ID, "--secret-stdin")
}

// CreateCluster makes a template of the same name and a cluster of local nodes.
func (s *Stage) CreateCluster(ctx context.Context, name string, spec, policy map[string]any) error {
	template := map[string]any{"name": name, "provider": "local", "spec": spec}
	if _, err := s.API.Do(ctx, http.MethodPost, "/api/v1/templates", template, nil); err != nil {
		return fmt.Errorf("template: %w", err)
	}
	cluster := map[string]any{"name": name, "template": name, "policy": policy}
	if _, err := s.API.Do(ctx, http.MethodPost, "/api/v1/clusters", cluster, nil); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}
