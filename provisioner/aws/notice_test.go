package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/ec2sim"
)

func TestNoticesReachTheirInstances(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	spot := s.launch(p, request(0, spec(map[string]any{"spot_percent": 100}))).ID
	var ids []string
	for n := 1; n < 6; n++ {
		ids = append(ids, s.launch(p, request(n, spec(nil))).ID)
	}
	soon, later := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond), time.Now().Add(48*time.Hour)
	s.sim.Interrupt(spot)
	s.sim.Impair(ids[0], false)
	s.sim.Impair(ids[1], true)
	s.sim.Schedule(ids[2], "system-reboot", "The instance is scheduled for a reboot", later)
	s.sim.Schedule(ids[2], "instance-retirement", "The instance is running on degraded hardware", soon)
	s.sim.Schedule(ids[3], "system-reboot", "[Completed] The instance was rebooted", soon)

	list, err := p.List(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	notices := map[string]*provisioner.Notice{}
	for _, i := range list {
		notices[i.ID] = i.Notice
	}
	if n := notices[spot]; n == nil || n.Kind != provisioner.Reclaimed || time.Until(n.At) > 2*time.Minute || time.Until(n.At) < time.Minute || !strings.Contains(n.Text, "marked-for-termination") {
		t.Errorf("interrupted spot: %+v", n)
	}
	for _, id := range ids[:2] {
		if n := notices[id]; n == nil || n.Kind != provisioner.Impaired || n.Text == "" {
			t.Errorf("impaired: %+v", n)
		}
	}
	if n := notices[ids[2]]; n == nil || n.Kind != provisioner.Maintenance || !n.At.Equal(soon) || !strings.HasPrefix(n.Text, "instance-retirement: ") {
		t.Errorf("the nearer of two events: %+v", n)
	}
	for _, id := range ids[3:] {
		if n := notices[id]; n != nil {
			t.Errorf("warned of what is over, or of nothing: %+v", n)
		}
	}
}

func TestListStandsWithoutNotices(t *testing.T) {
	t.Parallel()
	s := simulated(t, ec2sim.Options{})
	p := s.open()
	s.launch(p, request(1, spec(nil)))
	s.sim.Forbid("DescribeInstanceStatus")
	if list, err := p.List(t.Context(), owner); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}
