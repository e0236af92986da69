//go:build linux

package contest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// Programs are the binaries that are built here; the rest is found on the PATH.
type Programs struct {
	Godwit string
	Quic   string // quic-copy
	UDT    string // udt-copy
}

// peer is a program that moves trees, or bytes, over a path.
type peer struct {
	name   string
	about  string
	sets   []string // that it can be measured with
	tcp    string   // congestion control of TCP
	copies bool     // claims that the trees are the same afterwards
	pulls  bool     // data come from the server's end
	needs  []string // programs

	// server and client give the commands for one run. Either may write files
	// into t.work.
	server func(t *trial) *exec.Cmd
	client func(t *trial) *exec.Cmd

	// ready waits until the server takes connections; what it finds out is for
	// client. nil: a short while.
	ready func(t *trial, stdout io.Reader) error

	// read finds what the client said of its run; nil: nothing.
	read func(t *trial, stdout []byte, o *outcome) error

	overhead int // bytes of headers in a full packet, for waste on the wire; 0: read tells
}

// outcome is what a run moved, where the client knows better than the clock.
type outcome struct {
	bytes   int64
	seconds float64
	sent    int64 // data bytes sent, repetitions included
}

var wholeTrees = []string{"big", "small"}

// peers in the order of the published tables.
func peers(p Programs) []peer {
	all := []peer{godwit(p.Godwit), godwitPull(p.Godwit)}
	for _, tcp := range []string{"bbr", "cubic"} {
		all = append(all, rsync(tcp))
	}
	for _, tcp := range []string{"bbr", "cubic"} {
		for _, streams := range []int{1, 8} {
			all = append(all, iperf(tcp, streams))
		}
	}
	return append(all, uftp(), udt(p.UDT), quic(p.Quic))
}

// PeerNames are the names of all peers, in the order of the tables.
func PeerNames() []string {
	var names []string
	for _, p := range peers(Programs{}) {
		names = append(names, p.name)
	}
	return names
}

// The names of our own rows: a push, and the same the other way.
const (
	Godwit     = "godwit"
	GodwitPull = "godwit-pull"
)

func godwit(program string) peer {
	return peer{
		name: Godwit, about: "godwit cp -r to godwit serve: encrypted, verified, durable", sets: []string{"big", "small", "tiny"}, copies: true, needs: []string{program},
		server: func(t *trial) *exec.Cmd {
			return t.command(program, "serve", "--write", "--host", t.path.B.IP, t.target)
		},
		ready: godwitReady,
		client: func(t *trial) *exec.Cmd {
			return t.command(program, "cp", "-r", "--json", t.source+"/", t.address)
		},
		read: godwitSent,
	}
}

// godwitPull measures waste on the wire: the server does not tell what it sent.
func godwitPull(program string) peer {
	return peer{
		name: GodwitPull, about: "godwit cp -r from godwit serve", sets: wholeTrees, copies: true, pulls: true, needs: []string{program}, overhead: 20 + 8 + wire.Overhead + 5, // of the record
		server: func(t *trial) *exec.Cmd {
			return t.command(program, "serve", "--host", t.path.B.IP, t.source)
		},
		ready: godwitReady,
		client: func(t *trial) *exec.Cmd {
			return t.command(program, "cp", "-r", "--json", t.address, t.target)
		},
	}
}

// godwitReady takes the address that godwit serve prints.
func godwitReady(t *trial, stdout io.Reader) error {
	line, err := bufio.NewReader(stdout).ReadString('\n')
	t.address = strings.TrimSpace(line)
	return err
}

// godwitSent takes what godwit cp says that it sent.
func godwitSent(_ *trial, stdout []byte, o *outcome) error {
	for line := range strings.Lines(string(stdout)) {
		var event struct {
			Event  string `json:"event"`
			Result struct {
				Sent int64 `json:"sent"`
			} `json:"result"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return fmt.Errorf("events of godwit cp: %w", err)
		}
		if event.Event == "result" {
			o.sent = event.Result.Sent
		}
	}
	return nil
}

const tcpOverhead = 20 + 32 // IPv4, TCP with timestamps

func rsync(tcp string) peer {
	return peer{
		name: "rsync-" + tcp, about: "rsync -a to an rsync daemon over TCP " + tcp + ": not encrypted", sets: wholeTrees, tcp: tcp, copies: true, needs: []string{"rsync"}, overhead: tcpOverhead,
		server: func(t *trial) *exec.Cmd {
			config := filepath.Join(t.work, "rsyncd.conf")
			text := fmt.Sprintf("use chroot = no\nuid = 0\ngid = 0\n[target]\npath = %s\nread only = no\n", t.target)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.fail(err)
			}
			return t.command("rsync", "--daemon", "--no-detach", "--port", "8873", "--config", config)
		},
		client: func(t *trial) *exec.Cmd {
			return t.command("rsync", "-a", "--port", "8873", t.source+"/", "rsync://"+t.path.B.IP+"/target/")
		},
	}
}

// iperfTime is how long raw TCP runs: about as long as the big set takes at the limit.
const iperfTime = 10 * time.Second

func iperf(tcp string, streams int) peer {
	name := "tcp-" + tcp
	if streams > 1 {
		name += fmt.Sprintf("-x%d", streams)
	}
	return peer{
		name: name, about: fmt.Sprintf("iperf3, %d TCP %s: memory to memory for %v, no files", streams, tcp, iperfTime), sets: []string{"big"}, tcp: tcp, needs: []string{"iperf3"}, overhead: tcpOverhead,
		server: func(t *trial) *exec.Cmd { return t.command("iperf3", "-s", "-1") },
		client: func(t *trial) *exec.Cmd {
			return t.command("iperf3", "-c", t.path.B.IP, "-t", fmt.Sprint(int(iperfTime.Seconds())), "-P", fmt.Sprint(streams), "-C", tcp, "-J")
		},
		read: func(_ *trial, stdout []byte, o *outcome) error {
			var said struct {
				End struct {
					Received struct {
						Bytes   int64   `json:"bytes"`
						Seconds float64 `json:"seconds"`
					} `json:"sum_received"`
				} `json:"end"`
				Error string `json:"error"`
			}
			if err := json.Unmarshal(stdout, &said); err != nil {
				return fmt.Errorf("report of iperf3: %w", err)
			}
			if said.Error != "" {
				return errors.New("iperf3: " + said.Error)
			}
			o.bytes, o.seconds = said.End.Received.Bytes, said.End.Received.Seconds
			return nil
		},
	}
}

func uftp() peer {
	return peer{
		name: "uftp", about: "uftp at a fixed 900 Mb/s: not encrypted, no congestion control", sets: wholeTrees, copies: true, needs: []string{"uftp", "uftpd"}, overhead: 20 + 8 + 16 + 12,
		server: func(t *trial) *exec.Cmd {
			return t.command("uftpd", "-d", "-q", "-t", "-B", "104857600", "-D", t.target, "-U", "0x0A4D0002", "-I", t.path.B.IP)
		},
		client: func(t *trial) *exec.Cmd {
			// -H names the receiver, without which uftp waits long for more to announce themselves.
			return t.command("uftp", "-q", "-R", "900000", "-B", "104857600", "-b", "1444", "-M", t.path.B.IP, "-P", t.path.B.IP, "-I", t.path.A.IP,
				"-H", "0x0A4D0002", t.source)
		},
	}
}

func udt(program string) peer {
	return peer{
		name: "udt", about: "a plain copy over UDT 4 with the library's defaults: not encrypted", sets: wholeTrees, copies: true, needs: []string{program}, overhead: 20 + 8 + 16,
		server: func(t *trial) *exec.Cmd { return t.command(program, "serve", "9400", t.target) },
		client: func(t *trial) *exec.Cmd { return t.command(program, "send", t.path.B.IP, "9400", t.source) },
	}
}

func quic(program string) peer {
	return peer{
		name: "quic-go", about: "a plain copy over quic-go, one stream for one file, eight for many: encrypted", sets: wholeTrees, copies: true, needs: []string{program}, overhead: 20 + 8 + 36,
		server: func(t *trial) *exec.Cmd { return t.command(program, "serve", t.path.B.IP+":9443", t.target) },
		client: func(t *trial) *exec.Cmd {
			streams := "1"
			if t.set.Files > 1 {
				streams = "8"
			}
			return t.command(program, "send", t.path.B.IP+":9443", t.source, streams)
		},
	}
}

// missing says which program of the peer is not here; "" when all are.
func (p peer) missing() string {
	for _, program := range p.needs {
		if _, err := exec.LookPath(program); err != nil {
			if program == "" {
				return "its copy program"
			}
			return program
		}
	}
	return ""
}
