package cloudinit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func bootstrap() provisioner.Bootstrap {
	return provisioner.Bootstrap{
		ManagerURLs: []string{"https://10.0.0.5:8443", "https://manager.example.org:8443/"},
		CASHA256:    strings.Repeat("ab", 32), NodeID: "01JNODE", Cluster: "prod", JoinToken: "one-time", JoinTimeoutS: 300,
		Binaries: map[string]string{"amd64": strings.Repeat("01", 32), "arm64": strings.Repeat("02", 32)},
	}
}

var specs = []struct {
	name  string
	cloud Cloud
	spec  Spec
}{
	{"plain", EC2, Spec{}},
	{"everything", GCE, Spec{
		Node:            provisioner.NodeSpec{SendCapMbps: 9000, ReceiveCapMbps: 8000, SessionRateMbps: 100, MaxSessions: 50},
		ReportIntervalS: 2, TransferPort: 40000, Advertise: Private, FirstBootScript: "#!/bin/sh\nset -e\necho \"it's: a 'test'\" # not yaml\n",
		SwapFileMB: 2048, SwapVolumeGB: 16, Sysctl: map[string]string{"vm.swappiness": "1", "net.ipv4.tcp_rmem": "4096 131072 6291456"}, JournalMB: 200,
	}},
	{"image", Azure, Spec{Binary: FromImage}},
}

func TestUserDataIsWhatWasReviewed(t *testing.T) {
	t.Parallel()
	for _, c := range specs {
		got, err := Render(c.cloud, bootstrap(), c.spec)
		if err != nil {
			t.Fatal(c.name, err)
		}
		reviewed(t, c.name, got)
		again, err := Render(c.cloud, bootstrap(), c.spec)
		if err != nil || !bytes.Equal(got, again) {
			t.Errorf("%s: rendered twice, it differs (%v)", c.name, err)
		}
	}
}

// parts reads user data as cloud-init does.
func parts(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for r := multipart.NewReader(message.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[p.FileName()], err = io.ReadAll(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryPartIsWhatItsReaderTakes(t *testing.T) {
	t.Parallel()
	for _, c := range specs {
		data, err := Render(c.cloud, bootstrap(), c.spec)
		if err != nil {
			t.Fatal(c.name, err)
		}
		readable(t, c.name, data)
	}
}

// readable has each part read by what will: a shell, and cloud-init's schema.
func readable(t *testing.T, user string, data []byte) {
	t.Helper()
	cloudInit, err := exec.LookPath("cloud-init")
	if err != nil {
		t.Log("cloud-init is not installed: the schema is not checked")
	}
	for name, body := range parts(t, data) {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		check := exec.CommandContext(t.Context(), "sh", "-n", file)
		if strings.HasSuffix(name, ".yaml") {
			if cloudInit == "" {
				continue
			}
			check = exec.CommandContext(t.Context(), cloudInit, "schema", "--config-file", file)
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s, %s: %v\n%s", user, name, err, out)
		}
	}
}

func TestSecretsInUserDataAreTheJoinTokenAlone(t *testing.T) {
	t.Parallel()
	data, err := Render(EC2, bootstrap(), Spec{})
	if err != nil {
		t.Fatal(err)
	}
	config := string(parts(t, data)["godwit.yaml"])
	_, rest, _ := strings.Cut(config, "content: |")
	var text strings.Builder
	for line := range strings.Lines(rest) {
		text.WriteString(strings.TrimPrefix(line, "      "))
		if strings.TrimSpace(line) == "}" {
			break
		}
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text.String()), &doc); err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	known := map[string]bool{
		"manager_urls": true, "ca_sha256": true, "node_id": true, "cluster": true, "join_token": true, "join_timeout_s": true,
		"data_dir": true, "port": true, "metadata": true, "advertise": true, "report_interval_s": true,
	}
	for field := range doc {
		if !known[field] {
			t.Errorf("the bootstrap document tells %q too", field)
		}
	}
}

// noise does not compress.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[random.IntN(len(letters))]
	}
	return string(out)
}

func TestUserDataFitsItsCloudOrSaysByHowMuchItDoesNot(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		cloud      Cloud
		script     string
		compressed bool
		says       string
	}{
		{"EC2 takes a long script compressed", EC2, strings.Repeat("echo hello\n", 2000), true, ""},
		{"EC2 does not take what is long compressed", EC2, noise(24 << 10), false, "compressed, and Amazon EC2 takes 16384: shorten first_boot_script by"},
		{"Azure takes what EC2 does not", Azure, noise(24 << 10), false, ""},
		{"GCE takes text only", GCE, strings.Repeat("echo hello\n", 10_000), false, ""},
		{"GCE has a limit too", GCE, strings.Repeat("echo hello\n", 30_000), false, "bytes, and Google Compute Engine takes 262144"},
	} {
		data, err := Render(row.cloud, bootstrap(), Spec{FirstBootScript: "#!/bin/sh\n" + row.script})
		if row.says != "" {
			var size *SizeError
			if !errors.As(err, &size) || !strings.Contains(err.Error(), row.says) || size.Bytes <= size.Limit {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if len(data) > row.cloud.MaxBytes || row.compressed != bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			t.Errorf("%s: %d bytes, beginning % x", row.name, len(data), data[:2])
		}
		if !strings.Contains(string(parts(t, data)["godwit.yaml"]), "hello") && row.compressed {
			t.Errorf("%s: the script is not in it", row.name)
		}
	}
}

func TestWhatNoNodeCouldStartWithIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*provisioner.Bootstrap, *Spec)
		says   string
	}{
		{"no manager", func(b *provisioner.Bootstrap, _ *Spec) { b.ManagerURLs = nil }, "no manager"},
		{"an address that ends the script's quotes", func(b *provisioner.Bootstrap, _ *Spec) { b.ManagerURLs = []string{"https://a'; reboot #"} }, "is not https://"},
		{"plain HTTP", func(b *provisioner.Bootstrap, _ *Spec) { b.ManagerURLs = []string{"http://a"} }, "is not https://"},
		{"no program", func(b *provisioner.Bootstrap, _ *Spec) { b.Binaries = nil }, "bake it into the image"},
		{"a checksum that is none", func(b *provisioner.Bootstrap, _ *Spec) { b.Binaries["amd64"] = "$(reboot)" }, "is not SHA-256"},
		{"a script without an interpreter", func(_ *provisioner.Bootstrap, s *Spec) { s.FirstBootScript = "echo" }, "first_boot_script does not begin with #!"},
		{"a kernel setting with a line of its own", func(_ *provisioner.Bootstrap, s *Spec) { s.Sysctl = map[string]string{"a.b": "1\nc.d = 2"} }, "sysctl.a.b"},
		{"a kernel setting that is a path", func(_ *provisioner.Bootstrap, s *Spec) { s.Sysctl = map[string]string{"../x": "1"} }, "no kernel setting"},
		{"an unknown source", func(_ *provisioner.Bootstrap, s *Spec) { s.Binary = "ftp" }, "want manager or image"},
		{"a negative cap", func(_ *provisioner.Bootstrap, s *Spec) { s.Node.SendCapMbps = -1 }, "node.send_cap_mbps"},
		{"a port beyond all", func(_ *provisioner.Bootstrap, s *Spec) { s.TransferPort = 70000 }, "transfer_port"},
	} {
		b, s := bootstrap(), Spec{}
		row.change(&b, &s)
		if _, err := Render(EC2, b, s); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
