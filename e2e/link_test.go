package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/godwit/godwit/internal/stage"
)

// linkNow is how a cluster's one link is divided.
type linkNow struct {
	Items []struct {
		Name string
		In   *struct {
			CapacityBps int64 `json:"capacity_bps"`
			Sessions    int
		}
		Nodes []struct {
			ID string
			In *struct {
				ShareBps int64 `json:"share_bps"`
				Sessions int
			}
		}
	}
}

func divided(t *testing.T, s *stage.Stage) (shares map[string]int64, sessions map[string]int) {
	t.Helper()
	var l linkNow
	if err := json.Unmarshal([]byte(must(t, s, "link", "list", "c", "-o", "json")), &l); err != nil {
		t.Fatal(err)
	}
	shares, sessions = map[string]int64{}, map[string]int{}
	for _, n := range l.Items[0].Nodes {
		shares[n.ID], sessions[n.ID] = n.In.ShareBps, n.In.Sessions
	}
	return shares, sessions
}

// within says that the shares are together no more than the capacity. Reports are
// of different moments: while shares change, they need not show it.
func within(shares map[string]int64, capacity int64) bool {
	var sum int64
	for _, share := range shares {
		sum += share
	}
	return sum <= capacity
}

// moved is how many bytes of running copies the nodes have reported.
func moved(t *testing.T, s *stage.Stage) (sum int64) {
	t.Helper()
	var page struct {
		Items []struct {
			Bytes int64
		}
	}
	if _, err := s.API.Do(t.Context(), http.MethodGet, "/api/v1/transfers?live=true&limit=100", nil, &page); err != nil {
		t.Fatal(err)
	}
	for _, x := range page.Items {
		sum += x.Bytes
	}
	return sum
}

// A cluster of two nodes shares 80 Mb/s between copies on both, half each; when
// one ends, the other gets all; a change while it runs is followed.
func TestALinkIsSharedByTheSessionsOfACluster(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const capacity = 80e6
	small(t, s, 2, 1000)
	must(t, s, "link", "set", "c", "uplink", "--in", "80M", "--default")
	for i, mb := range []int64{48, 128} {
		tree(t, s.Path(fmt.Sprint("source-", i)), 0, mb<<20)
	}
	eventually(t, 30*time.Second, "the link on both nodes", func(context.Context) (bool, error) {
		shares, _ := divided(t, s)
		return len(shares) == 2, nil
	})

	// Two copies, each on a node of its own.
	began := time.Now()
	var copies []*stage.Copy
	for i := range 2 {
		c, err := s.StartCopy(t.Context(), fmt.Sprint("copy-", i), s.Path(fmt.Sprint("source-", i))+"/", fmt.Sprintf("c:/copy-%d/", i))
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, c)
		serverOf(t, s, c.Name)
	}
	short, long := serverOf(t, s, "copy-0").ID, serverOf(t, s, "copy-1").ID
	if short == long {
		t.Fatalf("both copies are served by %s", short)
	}
	eventually(t, 20*time.Second, "an equal part for each", func(context.Context) (bool, error) {
		shares, _ := divided(t, s)
		return min(shares[short], shares[long]) > 0.45*capacity && within(shares, capacity), nil
	})
	if err := copies[0].Wait(t.Context(), 60*time.Second); err != nil {
		t.Fatal(err)
	}
	through := copies[0].Result.Bytes
	if now := moved(t, s); now < through { // the one that has ended may be in it still
		through += now
	} else {
		through = now
	}
	if rate := float64(through) * 8 / time.Since(began).Seconds(); rate > 1.02*capacity || rate < 0.5*capacity {
		t.Errorf("%d bytes went through at %.1f Mb/s together", through, rate/1e6)
	}
	eventually(t, 20*time.Second, "all for the one that goes on", func(context.Context) (bool, error) {
		shares, _ := divided(t, s)
		return shares[long] > 0.95*capacity && within(shares, capacity), nil
	})
	must(t, s, "link", "set", "c", "uplink", "--in", "40M")
	eventually(t, 10*time.Second, "less of it while it runs", func(context.Context) (bool, error) {
		shares, sessions := divided(t, s)
		return shares[long] > 36e6 && within(shares, 40e6) && sessions[long] == 1, nil
	})

	must(t, s, "link", "set", "c", "uplink", "--in", "800M")
	if err := copies[1].Wait(t.Context(), 90*time.Second); err != nil {
		t.Fatal(err)
	}
	must(t, s, "link", "delete", "c", "uplink")
	refused(t, s, 2, "has no link", "link", "delete", "c", "uplink")
}
