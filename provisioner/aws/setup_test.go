package aws

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/goleak"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
	"github.com/godwit/godwit/provisioner/providertest"
)

func TestMain(m *testing.M) {
	if os.Getenv("GODWIT_LIVE_AWS") != "" {
		os.Exit(m.Run()) // the SDK keeps connections to a real account for a while
	}
	goleak.VerifyTestMain(m)
}

// hostile is how EC2 is simulated unless a test says otherwise: everything takes
// its time and nothing is seen at once.
var hostile = ec2sim.Options{
	Lag: 150 * time.Millisecond, Boot: 60 * time.Millisecond, Halt: 60 * time.Millisecond, End: 60 * time.Millisecond, Warning: 500 * time.Millisecond,
}

// scene is a simulated account and how to reach it.
type scene struct {
	t    *testing.T
	sim  *ec2sim.Sim
	url  string
	keys awssdk.CredentialsProvider
}

func simulated(t *testing.T, options ec2sim.Options) *scene {
	t.Helper()
	sim := ec2sim.New(options)
	server := httptest.NewUnstartedServer(sim)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return &scene{t: t, sim: sim, url: server.URL, keys: credentials.NewStaticCredentialsProvider("AKIASIM", "secret", "")}
}

func (s *scene) open(change ...func(*Config)) *Provider {
	s.t.Helper()
	c := Config{
		Regions: []string{ec2sim.Region}, Endpoint: s.url, Credentials: s.keys,
		Lag: 400 * time.Millisecond, PageSize: 5, NoticesEvery: time.Millisecond, Log: slog.New(slog.DiscardHandler), hasty: true,
	}
	for _, f := range change {
		f(&c)
	}
	p, err := New(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// spec is a valid one, with fields changed or, by nil, taken away.
func spec(change map[string]any) json.RawMessage {
	all := map[string]any{
		"provider": "aws", "image": ec2sim.ImageID, "instance_types": []string{"c7i.large", "c6i.large"},
		"subnets": []string{ec2sim.SubnetA, ec2sim.SubnetB, ec2sim.SubnetC}, "security_groups": []string{ec2sim.Group},
		"instance_profile": ec2sim.Profile, "root_gb": 20, "binary": "image",
	}
	for field, value := range change {
		if all[field] = value; value == nil {
			delete(all, field)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return raw
}

var owner = provisioner.Owner{Installation: "inst", Cluster: "c1"}

func request(n int, raw json.RawMessage) provisioner.LaunchRequest {
	node := fmt.Sprintf("node%d", n)
	return provisioner.LaunchRequest{
		ClientToken: "token-" + node, NodeID: node, NodeName: node, Owner: owner, Spec: raw,
		Bootstrap: provisioner.Bootstrap{ManagerURLs: []string{"https://manager:8443"}, CASHA256: "00", NodeID: node, Cluster: "c1", JoinToken: "secret"},
	}
}

func (s *scene) launch(p *Provider, r provisioner.LaunchRequest) provisioner.Instance {
	s.t.Helper()
	instance, err := p.Launch(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return instance
}

func (s *scene) eventually(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not within ten seconds", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// pool is one of three addresses, beside one of it that a NAT gateway has, and others
// of another pool and of none.
func (s *scene) pool() *providertest.Pool {
	mine := map[string]bool{}
	for range 3 {
		mine[s.sim.AddAddress(map[string]string{tagPool: "media", "team": "x"})] = true
	}
	s.sim.Occupy(s.sim.AddAddress(map[string]string{tagPool: "media"}))
	s.sim.AddAddress(map[string]string{tagPool: "other"})
	s.sim.AddAddress(nil)
	return &providertest.Pool{
		Spec: spec(map[string]any{"address_pool": "media", "public_address": true}), Size: len(mine), Name: "address pool media of " + ec2sim.Region + " has no free address",
		Held: func() (map[string]string, error) {
			by := map[string]string{}
			for _, a := range s.sim.Addresses() {
				if mine[a.Allocation] && a.Associated {
					by[a.PublicIP] = a.Instance
				}
			}
			return by, nil
		},
		Foreign: func() string {
			all := s.sim.Addresses()
			return fmt.Sprint(slices.DeleteFunc(all, func(a ec2sim.Address) bool { return mine[a.Allocation] }))
		},
	}
}
