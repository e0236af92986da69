package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/local"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// The test binary also plays the node program.
const playNode = "CLUSTERTEST_NODE"

func TestMain(m *testing.M) {
	if os.Getenv(playNode) != "" {
		tinyNode()
		return
	}
	goleak.VerifyTestMain(m)
}

// tinyNode reports by touching a file and obeys a file: as much of a node as
// the reconciler can see.
func tinyNode() {
	raw, err := os.ReadFile(os.Args[slices.Index(os.Args, "--bootstrap")+1])
	var boot struct {
		DataDir   string  `json:"data_dir"`
		JoinToken string  `json:"join_token"`
		LeaseFile string  `json:"lease_file"`
		LeaseS    float64 `json:"lease_timeout_s"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &boot)
	}
	for err == nil && boot.JoinToken != "" {
		state := "serving"
		if _, asked := os.Stat(filepath.Join(boot.DataDir, "drain")); asked == nil {
			state = "draining"
		}
		next := filepath.Join(boot.DataDir, ".report")
		if err = os.WriteFile(next, []byte(state), 0o600); err == nil {
			err = os.Rename(next, filepath.Join(boot.DataDir, "report"))
		}
		lease, gone := os.Stat(boot.LeaseFile)
		if gone != nil || time.Since(lease.ModTime()).Seconds() > boot.LeaseS {
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
	fmt.Println("tiny node ends:", err)
}

// fileFleet hears nodes by their files.
type fileFleet struct{ dir string }

func (f fileFleet) find(nodeID string) string {
	files, _ := filepath.Glob(filepath.Join(f.dir, "instances", "local-*", "instance.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(raw), `"`+nodeID+`"`) {
			return filepath.Join(filepath.Dir(file), "data")
		}
	}
	return ""
}

func (f fileFleet) Reports() []*cluster.Report {
	var reports []*cluster.Report
	files, _ := filepath.Glob(filepath.Join(f.dir, "instances", "local-*", "instance.json"))
	for _, file := range files {
		var tag struct {
			NodeID string `json:"node_id"`
		}
		raw, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(raw, &tag) != nil {
			continue
		}
		said := filepath.Join(filepath.Dir(file), "data", "report")
		state, err := os.ReadFile(said)
		info, gone := os.Stat(said)
		if err != nil || gone != nil {
			continue
		}
		reports = append(reports, &cluster.Report{
			NodeID: tag.NodeID, At: info.ModTime().UTC(), Healthy: true, Draining: string(state) == "draining",
			Port: 4433, CertSHA256: "pin", // The machine is busy with something else: no reason for another node on it.
			Usage: policy.Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9, CPU: 0.99},
		})
	}
	return reports
}

func (f fileFleet) Drain(_ context.Context, nodeID, _ string) error {
	return os.WriteFile(filepath.Join(f.find(nodeID), "drain"), nil, 0o600)
}

func (f fileFleet) Undrain(_ context.Context, nodeID string) error {
	return os.Remove(filepath.Join(f.find(nodeID), "drain"))
}

func (f fileFleet) Move(_ context.Context, _ string, sessions []string, _ string) (int, error) {
	return len(sessions), nil
}

func (f fileFleet) Forget(string) {}

// authority revokes in the real store.
type authority struct{ s *statestore.Store }

func (a authority) Pin() string { return "pin" }

func (a authority) RevokeNode(ctx context.Context, nodeID, why string) error {
	_, err := a.s.Certificates.RevokeNode(ctx, nodeID, why)
	return err
}

// site is a real Postgres, real processes and, one after another, managers.
type site struct {
	*testing.T
	dir     string
	store   *statestore.Store
	cluster statestore.Cluster
	local   *local.Provider
	r       *cluster.Reconciler
	stop    func()
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir(), store: storetest.New(t)}
	s.cluster = storetest.Cluster(t, s.store, "c")
	p := policy.Default()
	p.MinAvailable, p.MaxNodes, p.ScaleInWindowS, p.ReportTimeoutS, p.LaunchTimeoutS = 2, 4, 1, 20, 60
	if _, err := s.store.Policies.Put(t.Context(), s.cluster.ID, 0, mustJSON(p), "test"); err != nil {
		t.Fatal(err)
	}
	s.manage()
	t.Cleanup(func() {
		s.stop()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		left, err := s.local.List(ctx, provisioner.Owner{Installation: "here"})
		if err != nil {
			t.Error(err)
		}
		for _, instance := range left {
			if err := s.local.Terminate(ctx, []string{instance.ID})[0].Err; err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// manage starts a manager process, as far as the reconciler is concerned.
func (s *site) manage() {
	s.Helper()
	log := slog.New(slog.NewTextHandler(s.Output(), nil))
	var err error
	s.local, err = local.New(local.Config{
		Dir: s.dir, Command: []string{os.Args[0]}, Env: []string{playNode + "=yes"}, Grace: 2 * time.Second, Log: log,
	})
	if err == nil {
		s.r, err = cluster.New(cluster.Config{
			Store: cluster.Postgres(s.store.Tables), Fleet: fileFleet{s.dir},
			Enrolment:    cluster.Identity(s.store.Tables, authority{s.store}, door{"https://127.0.0.1:1"}),
			Providers:    map[string]provisioner.Provider{local.Name: s.local},
			Installation: "here", Interval: 100 * time.Millisecond, OrphanAge: 500 * time.Millisecond, Log: log,
		})
	}
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	elector := s.store.Elector(statestore.ElectorConfig{TTL: 6 * time.Second})
	var running sync.WaitGroup
	running.Go(func() { _ = elector.Run(ctx) })
	running.Go(func() { _ = s.r.Run(ctx, elector) })
	running.Go(func() { _ = s.local.Run(ctx) })
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
}

func (s *site) await(what string, holds func() error) {
	s.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// settled waits until exactly n nodes exist, run, and have a living process.
func (s *site) settled(n int) map[string]string {
	s.Helper()
	instances := map[string]string{}
	s.await(fmt.Sprint(n, " nodes run"), func() error {
		clear(instances)
		rows, err := s.store.Nodes.Alive(s.Context(), s.cluster.ID)
		if err != nil {
			return err
		}
		listed, err := s.local.List(s.Context(), provisioner.Owner{Installation: "here"})
		if err != nil {
			return err
		}
		alive := map[string]bool{}
		for _, instance := range listed {
			alive[instance.ID] = instance.State == provisioner.Running
		}
		var states []string
		good := 0
		for _, row := range rows {
			states = append(states, string(row.State))
			if row.State == statestore.NodeRunning && alive[row.InstanceID] {
				good++
				instances[row.ID] = row.InstanceID
			}
		}
		if good != n || len(rows) != n || len(listed) != n {
			return fmt.Errorf("rows %v, %d instances", states, len(listed))
		}
		return nil
	})
	return instances
}

func (s *site) pid(instanceID string) int {
	s.Helper()
	var record struct {
		Process struct {
			PID int `json:"pid"`
		} `json:"process"`
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, "instances", instanceID, "instance.json"))
	if err == nil {
		err = json.Unmarshal(raw, &record)
	}
	if err != nil || record.Process.PID <= 1 {
		s.Fatalf("process of %s: %d, %v", instanceID, record.Process.PID, err)
	}
	return record.Process.PID
}

func TestRealProcessesAndPostgres(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.settled(2)

	// A node is killed: replaced.
	var victim string
	for node := range first {
		victim = node
	}
	if err := syscall.Kill(s.pid(first[victim]), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.await("replacement", func() error {
		row, err := s.store.Nodes.Get(t.Context(), victim)
		if err == nil && row.State != statestore.NodeTerminated {
			err = fmt.Errorf("the dead one is %s", row.State)
		}
		return err
	})
	second := s.settled(2)

	// The manager goes and another comes: the same processes, nothing launched.
	s.stop()
	s.manage()
	// An instance that nobody's row asked for is ended meanwhile.
	orphan, err := s.local.Launch(t.Context(), provisioner.LaunchRequest{
		ClientToken: "x", NodeID: "nobody", Owner: provisioner.Owner{Installation: "here", Cluster: s.cluster.ID},
		Spec: json.RawMessage(`{}`), Bootstrap: provisioner.Bootstrap{JoinToken: "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.await("end of the orphan", func() error {
		_, err := s.local.Get(t.Context(), orphan.ID)
		if provisioner.ClassOf(err) == provisioner.NotFound {
			return nil
		}
		return fmt.Errorf("it lives: %w", err)
	})
	if third := s.settled(2); fmt.Sprint(third) != fmt.Sprint(second) {
		t.Errorf("after a restart of the manager %v run, before it %v", third, second)
	}

	// By hand to three and back: the surplus is drained, not killed.
	three := 3
	if _, err := s.store.Clusters.SetOverride(t.Context(), s.cluster.ID, &three); err != nil {
		t.Fatal(err)
	}
	s.r.Wake()
	s.settled(3)
	if _, err := s.store.Clusters.SetOverride(t.Context(), s.cluster.ID, nil); err != nil {
		t.Fatal(err)
	}
	s.settled(2)

	placed, err := s.r.Best(t.Context(), s.cluster.ID, 1)
	if err != nil || len(placed) != 1 || placed[0].Port != 4433 || placed[0].Address != "127.0.0.1" {
		t.Errorf("placement: %+v, %v", placed, err)
	}
	s.decisionsHold()
}

// decisionsHold: every stored decision has reasons and can be made again.
func (s *site) decisionsHold() {
	s.Helper()
	stats, err := s.store.Decisions.Stats(s.Context(), s.cluster.ID)
	if err != nil || stats.WithoutReason != 0 || stats.Acted == 0 || stats.CollapsedNoops == 0 {
		s.Errorf("decisions: %+v, %v", stats, err)
	}
	list, err := s.store.Decisions.List(s.Context(), statestore.DecisionFilter{ClusterID: s.cluster.ID}, statestore.Page{Limit: 1000})
	if err != nil {
		s.Fatal(err)
	}
	for _, short := range list.Items {
		d, err := s.store.Decisions.Get(s.Context(), short.ID)
		if err != nil {
			s.Fatal(err)
		}
		version, err := s.store.Policies.Get(s.Context(), s.cluster.ID, d.PolicyVersion)
		if err != nil {
			s.Fatal(err)
		}
		p, err := policy.Parse(version.Policy)
		if err != nil {
			s.Fatal(err)
		}
		var snapshot policy.Snapshot
		if err := json.Unmarshal(d.Snapshot, &snapshot); err != nil {
			s.Fatalf("decision %s: snapshot %q: %v", d.ID, d.Snapshot, err)
		}
		if again := mustJSON(policy.Decide(snapshot, p, d.At)); !bytes.Equal(again, d.Plan) {
			s.Errorf("decision %s made again differs:\n%s\n%s", d.ID, again, d.Plan)
		}
	}
}

// A node that goes to the warm pool comes back as the same node, on the same
// instance, in a process of its own, and serves.
func TestRealNodeSleepsAndComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.override(3)
	s.settled(3)
	s.policy(func(p *policy.Policy) { p.WarmNodes = 1 }) // while three are wanted it gets one of its own
	var asleep statestore.Node
	s.await("one node sleeps", func() error {
		rows, err := s.store.Nodes.Alive(t.Context(), s.cluster.ID)
		if err != nil {
			return err
		}
		var states []string
		for _, row := range rows {
			states = append(states, string(row.State))
			if row.State == statestore.NodeStopped {
				asleep = row
			}
		}
		if asleep.ID == "" || len(rows) != 4 {
			return fmt.Errorf("rows %v", states)
		}
		return nil
	})
	seen, err := s.local.Get(t.Context(), asleep.InstanceID)
	if err != nil || seen.State != provisioner.Stopped {
		t.Fatalf("asleep and %+v, %v", seen, err)
	}
	// Another manager wakes it.
	s.stop()
	s.manage()
	s.override(4)
	awake := s.settled(4) // as many as there may be
	if awake[asleep.ID] != asleep.InstanceID {
		t.Errorf("%s slept on %s; now run %v", asleep.ID, asleep.InstanceID, awake)
	}
	// It was drained when it fell asleep, and has to be told that this is over.
	s.await("clients are sent to it", func() error {
		placed, err := s.r.Best(t.Context(), s.cluster.ID, 4)
		if err == nil && !slices.ContainsFunc(placed, func(p cluster.Placement) bool { return p.NodeID == asleep.ID }) {
			err = fmt.Errorf("they are sent to %+v", placed)
		}
		return err
	})
	events, err := s.store.Nodes.Events(t.Context(), asleep.ID, statestore.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var life []string
	for _, e := range events.Items {
		life = append(life, string(e.ToState))
	}
	want := "requested launching booting running draining stopping stopped starting running"
	if got := strings.Join(life, " "); got != want {
		t.Errorf("its life: %s\nwant:     %s", got, want)
	}
	s.decisionsHold()
}

// policy writes a new version of the policy.
func (s *site) policy(edit func(*policy.Policy)) {
	s.Helper()
	current, err := s.store.Policies.Current(s.Context(), s.cluster.ID)
	if err != nil {
		s.Fatal(err)
	}
	p, err := policy.Parse(current.Policy)
	if err != nil {
		s.Fatal(err)
	}
	edit(&p)
	if _, err := s.store.Policies.Put(s.Context(), s.cluster.ID, current.Version, mustJSON(p), "test"); err != nil {
		s.Fatal(err)
	}
}

// override sets the size by hand; 0 gives it back to the policy.
func (s *site) override(n int) {
	s.Helper()
	size := &n
	if n == 0 {
		size = nil
	}
	if _, err := s.store.Clusters.SetOverride(s.Context(), s.cluster.ID, size); err != nil {
		s.Fatal(err)
	}
	s.r.Wake()
}

func TestJoinTokenOfANodeIsTheSameForEveryManager(t *testing.T) {
	t.Parallel()
	key := statestore.GenerateMasterKey()
	url := storetest.URL(t)
	withKey := func(c *statestore.Config) { c.MasterKey = key }
	store, other := storetest.Open(t, url, withKey), storetest.Open(t, url, withKey)
	term := storetest.Term(t, store)
	c := storetest.Cluster(t, store, "c")
	row, err := store.Nodes.Create(t.Context(), term, statestore.Node{ClusterID: c.ID, Provider: "local"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Nodes.Create(t.Context(), term, statestore.Node{ClusterID: c.ID, Provider: "local"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for name, s := range map[string]*statestore.Store{"one": store, "another": other} {
		e := cluster.Identity(s.Tables, authority{s}, door{})
		for _, n := range []statestore.Node{row, second, row} {
			b, err := e.Bootstrap(t.Context(), term, n, "c", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if known := tokens[n.ID]; known != "" && known != b.JoinToken {
				t.Errorf("%s manager gives node %s another token", name, n.ID)
			}
			tokens[n.ID] = b.JoinToken
		}
	}
	if tokens[row.ID] == tokens[second.ID] || len(tokens[row.ID]) < 40 {
		t.Errorf("tokens of two nodes: %d characters, equal: %v", len(tokens[row.ID]), tokens[row.ID] == tokens[second.ID])
	}
	if _, err := store.JoinTokens.Consume(t.Context(), row.ID, statestore.Secret(tokens[row.ID]), "192.0.2.1"); err != nil {
		t.Error(err)
	}
	// A launch that is repeated after the join makes the token no good again.
	if _, err := cluster.Identity(other.Tables, authority{other}, door{}).Bootstrap(t.Context(), term, row, "c", time.Minute); err != nil {
		t.Error(err)
	}
	if _, err := store.JoinTokens.Consume(t.Context(), row.ID, statestore.Secret(tokens[row.ID]), "192.0.2.2"); !errors.Is(err, statestore.ErrUsed) {
		t.Errorf("the second use: %v", err)
	}
}

// door is where the nodes of these tests would come in.
type door []string

func (d door) URLs() []string              { return d }
func (d door) Programs() map[string]string { return nil }
