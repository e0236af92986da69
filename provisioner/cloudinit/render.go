package cloudinit

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the script
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/godwit/godwit/deploy/systemd"
	"github.com/godwit/godwit/provisioner"
)

// Where things are on a node.
const (
	bootstrapPath = "/etc/godwit/bootstrap.json"
	firstBootPath = "/etc/godwit/first-boot"
	dataDir       = "/var/lib/godwit/node"
)

// BinaryPath is where managers hand out the node's program, below their
// address: os, architecture and the SHA-256 of what is wanted, in hexadecimal.
const BinaryPath = "/node/v1/binary/linux/%s/%s"

// defaultSysctl lets the engine have the socket buffers that it asks for, also
// without the right to exceed limits, and lets a burst of a fast link wait.
var defaultSysctl = map[string]string{
	"net.core.rmem_max":           "33554432",
	"net.core.wmem_max":           "33554432",
	"net.core.netdev_max_backlog": "16384",
	"vm.swappiness":               "10",
}

// Render returns the user data of one node. The bytes depend on nothing but the
// arguments. Its errors are faults of the spec, a bootstrap that no node could
// start with, or a *SizeError.
func Render(cloud Cloud, b provisioner.Bootstrap, s Spec) ([]byte, error) {
	if faults := s.Faults(); len(faults) > 0 {
		return nil, fmt.Errorf("%s %s", faults[0].Field, faults[0].Problem)
	}
	s = s.WithDefaults()
	config, err := cloudConfig(cloud, b, s)
	if err != nil {
		return nil, err
	}
	script, err := bootScript(b, s)
	if err != nil {
		return nil, err
	}
	data, err := assemble([]part{
		{"text/cloud-config", "godwit.yaml", config},
		{"text/x-shellscript", "godwit-boot", script},
	})
	if err != nil {
		return nil, err
	}
	return cloud.fit(data)
}

// document is what `godwit-node run --bootstrap` reads.
type document struct {
	provisioner.Bootstrap
	DataDir         string  `json:"data_dir"`
	Port            int     `json:"port"`
	Metadata        string  `json:"metadata,omitempty"`
	Advertise       string  `json:"advertise"`
	PublicLater     bool    `json:"public_later,omitempty"`
	SendCapMbps     float64 `json:"send_cap_mbps,omitempty"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps,omitempty"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	MaxSessions     int     `json:"max_sessions,omitempty"`
	ReportIntervalS int     `json:"report_interval_s"`
}

// writeFile is an entry of cloud-init's write_files.
type writeFile struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"`
	Content     string `yaml:"content"`
}

type swapFile struct {
	Filename string `yaml:"filename"`
	Size     int64  `yaml:"size"`
	MaxSize  int64  `yaml:"maxsize"`
}

func cloudConfig(cloud Cloud, b provisioner.Bootstrap, s Spec) ([]byte, error) {
	b.Binaries = nil // for the script, not for the node
	doc, err := json.MarshalIndent(document{
		Bootstrap: b, DataDir: dataDir, Port: s.TransferPort, Metadata: cloud.Metadata, Advertise: s.Advertise, PublicLater: s.PublicLater,
		SendCapMbps: s.Node.SendCapMbps, ReceiveCapMbps: s.Node.ReceiveCapMbps, SessionRateMbps: s.Node.SessionRateMbps,
		MaxSessions: s.Node.MaxSessions, ReportIntervalS: s.ReportIntervalS,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("bootstrap document: %w", err)
	}
	config := cloudFile{WriteFiles: []writeFile{
		{bootstrapPath, "0600", string(doc) + "\n"},
		{"/etc/systemd/system/godwit-node.service", "0644", systemd.Node},
		// The end of the log is then in the cloud's serial console, from where the
		// manager shows it.
		{"/etc/systemd/system/godwit-node.service.d/10-console.conf", "0644", "[Service]\nStandardOutput=journal+console\nStandardError=journal+console\n"},
		{"/etc/sysctl.d/90-godwit.conf", "0644", sysctlFile(s.Sysctl)},
		{"/etc/systemd/journald.conf.d/90-godwit.conf", "0644", journalFile(s.JournalMB)},
	}}
	if s.FirstBootScript != "" {
		config.WriteFiles = append(config.WriteFiles, writeFile{firstBootPath, "0700", s.FirstBootScript})
	}
	if s.SwapFileMB > 0 {
		size := int64(s.SwapFileMB) << 20
		config.Swap = &swapFile{"/swapfile", size, size}
	}
	return config.text()
}

// cloudFile is a cloud-config document.
type cloudFile struct {
	PackageUpdate bool        `yaml:"package_update,omitempty"`
	Packages      []string    `yaml:"packages,omitempty"`
	WriteFiles    []writeFile `yaml:"write_files"`
	Swap          *swapFile   `yaml:"swap,omitempty"`
}

func (f cloudFile) text() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("#cloud-config\n")
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return nil, fmt.Errorf("cloud-config: %w", err)
	}
	return out.Bytes(), nil
}

func journalFile(megabytes int) string {
	return fmt.Sprintf("[Journal]\nSystemMaxUse=%dM\nMaxRetentionSec=1month\n", megabytes)
}

func sysctlFile(own map[string]string) string {
	all := maps.Clone(defaultSysctl)
	maps.Copy(all, own)
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "%s = %s\n", name, all[name])
	}
	return out.String()
}

//go:embed boot.sh
var bootSource string

//go:embed fetch.sh
var fetchSource string

// fetching is what scripts share that fetch programs.
var fetching = template.Must(template.New("fetching").Parse(fetchSource))

var boot = template.Must(template.Must(fetching.Clone()).New("boot").Option("missingkey=error").Parse(bootSource))

// retryFor is how long a machine looks for its manager when the bootstrap does
// not say.
const retryFor = 600

// sum is the SHA-256 of a program; arch is as Go names it.
var (
	sum  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	arch = regexp.MustCompile(`^[a-z0-9]+$`)
)

func bootScript(b provisioner.Bootstrap, s Spec) ([]byte, error) {
	type program struct{ Machine, Path, SHA256 string }
	data := struct {
		Managers   []string
		Programs   []program
		Seconds    int
		SwapBytes  int64
		Bootstrap  string
		FirstBoot  string
		Follow     string // managers redirect nobody
		HasProgram bool
	}{Seconds: b.JoinTimeoutS, SwapBytes: int64(s.SwapVolumeGB) << 30, Bootstrap: bootstrapPath, HasProgram: s.Binary == FromImage}
	if data.Seconds <= 0 {
		data.Seconds = retryFor
	}
	if s.FirstBootScript != "" {
		data.FirstBoot = firstBootPath
	}
	for _, raw := range b.ManagerURLs {
		u, err := url.Parse(raw)
		// What is quoted in the script must not end the quotes.
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(raw, "'\\\n \t") {
			return nil, fmt.Errorf("manager address %q is not https://host:port", raw)
		}
		data.Managers = append(data.Managers, strings.TrimSuffix(raw, "/"))
	}
	if len(data.Managers) == 0 {
		return nil, errors.New("the bootstrap names no manager")
	}
	if s.Binary == FromManager && len(b.Binaries) == 0 {
		return nil, errors.New("the manager hands out no node program: put godwit-node-linux-amd64 or -arm64 beside godwit-manager, or bake it into the image and set binary to image")
	}
	for _, name := range slices.Sorted(maps.Keys(b.Binaries)) {
		if s.Binary == FromImage {
			break
		}
		if !arch.MatchString(name) || !sum.MatchString(b.Binaries[name]) {
			return nil, fmt.Errorf("checksum %q of the node's program for %q is not SHA-256 in hexadecimal", b.Binaries[name], name)
		}
		machine := name
		if m, known := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[name]; known {
			machine = m
		}
		data.Programs = append(data.Programs, program{machine, fmt.Sprintf(BinaryPath, name, b.Binaries[name]), b.Binaries[name]})
	}
	var out bytes.Buffer
	if err := boot.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("boot script: %w", err)
	}
	return out.Bytes(), nil
}

// part is one of the MIME parts.
type part struct {
	kind, name string
	body       []byte
}

// assemble makes one MIME message of the parts. Its boundary is derived from
// them: random ones would make every launch another.
func assemble(parts []part) ([]byte, error) {
	hash := sha256.New()
	for _, p := range parts {
		hash.Write(p.body)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.SetBoundary("godwit-" + hex.EncodeToString(hash.Sum(nil)[:16])); err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	for _, p := range parts {
		out, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {p.kind + `; charset="utf-8"`},
			"Content-Disposition":       {`attachment; filename="` + p.name + `"`},
			"Content-Transfer-Encoding": {"8bit"},
			"Mime-Version":              {"1.0"},
		})
		if err == nil {
			_, err = out.Write(p.body)
		}
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	head := "Content-Type: multipart/mixed; boundary=\"" + w.Boundary() + "\"\nMIME-Version: 1.0\n\n"
	return append([]byte(head), bytes.ReplaceAll(body.Bytes(), []byte("\r\n"), []byte("\n"))...), nil
}
