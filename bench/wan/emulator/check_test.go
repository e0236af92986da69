//go:build linux

package emulator

import (
	"encoding/json"
	"flag"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// The emulator is held against programs that everybody has. These tests measure
// times and rates and need a quiet machine, so they run by make check-wan only.
var check = flag.Bool("wan.check", false, "hold the emulated path against ping and iperf3; needs a quiet machine")

func measured(t *testing.T, c Config, needs string) *Path {
	t.Helper()
	if !*check {
		t.Skip("measures: make check-wan")
	}
	if _, err := exec.LookPath(needs); err != nil {
		t.Skip(err)
	}
	return setup(t, c)
}

// each way of the path that most results are measured over.
func usual(loss float64) Model {
	return Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond, Loss: loss}
}

func output(t *testing.T, e *End, name string, args ...string) []byte {
	t.Helper()
	out, err := e.Output(exec.Command(name, args...))
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return out
}

func TestPathDelayAgainstPing(t *testing.T) {
	p := measured(t, Config{AB: usual(0), BA: usual(0)}, "ping")
	out := output(t, p.A, "ping", "-q", "-c", "50", "-i", "0.05", "10.77.0.2")
	t.Logf("%s", out)
	match := regexp.MustCompile(`= ([\d.]+)/([\d.]+)/([\d.]+)/`).FindSubmatch(out)
	if match == nil {
		t.Fatal("no times")
	}
	for i, most := range []float64{101, 101, 106} {
		if ms, err := strconv.ParseFloat(string(match[i+1]), 64); err != nil || ms < 100 || ms > most {
			t.Errorf("round trip %v ms, not 100 to %v", ms, most)
		}
	}
}

// report is what iperf3 says at its end.
type report struct {
	End struct {
		Sum struct {
			Packets int     `json:"packets"`
			Lost    int     `json:"lost_packets"`
			Rate    float64 `json:"bits_per_second"`
		} `json:"sum"`
		Received struct {
			Rate float64 `json:"bits_per_second"`
		} `json:"sum_received"`
	} `json:"end"`
}

func iperf(t *testing.T, p *Path, args ...string) (r report) {
	t.Helper()
	server := exec.Command("iperf3", "-s", "-1")
	if err := p.B.Start(server); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	out := output(t, p.A, "iperf3", append([]string{"-c", "10.77.0.2", "-J"}, args...)...)
	if err := server.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func sound(t *testing.T, p *Path) Stats {
	t.Helper()
	s := p.Stats()
	s.Print(t.Output())
	if s.Unintended() != 0 {
		t.Errorf("%d packets dropped against the model", s.Unintended())
	}
	if s.AB.Late99 > 2*time.Millisecond {
		t.Errorf("a hundredth of packets came %v late or later", s.AB.Late99)
	}
	return s
}

func TestPathLossAgainstIperf(t *testing.T) {
	p := measured(t, Config{AB: usual(0.01), BA: usual(0), Seed: 1}, "iperf3")
	r := iperf(t, p, "-u", "-b", "600M", "-w", "4M", "-t", "5")
	s := sound(t, p)
	t.Logf("iperf3: %d of %d datagrams lost", r.End.Sum.Lost, r.End.Sum.Packets)
	if r.End.Sum.Lost != int(s.AB.Lost+s.SocketDropsB) {
		t.Errorf("iperf3 misses %d datagrams, the model lost %d and the socket had no room for %d", r.End.Sum.Lost, s.AB.Lost, s.SocketDropsB)
	}
	if share := float64(s.AB.Lost) / float64(s.AB.Sent); share < 0.009 || share > 0.011 {
		t.Errorf("lost %.3f%%, not 1%%", share*100)
	}
}

func TestPathRateAgainstIperf(t *testing.T) {
	p := measured(t, Config{AB: usual(0), BA: usual(0), TCP: "cubic"}, "iperf3")
	r := iperf(t, p, "-t", "10", "-O", "4")
	sound(t, p)
	// 1,448 bytes of data in 1,500 of IP.
	most := 1e9 * 1448 / 1500
	t.Logf("iperf3: %.1f Mb/s of at most %.1f", r.End.Received.Rate/1e6, most/1e6)
	if r.End.Received.Rate < most*0.97 || r.End.Received.Rate > most*1.01 {
		t.Errorf("TCP got %.1f Mb/s, not %.1f", r.End.Received.Rate/1e6, most/1e6)
	}
}
