package aws

import (
	"encoding/json"
	"fmt"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// document is what godwit-node run --bootstrap reads.
type document struct {
	provisioner.Bootstrap
	DataDir         string  `json:"data_dir"`
	ListenHost      string  `json:"listen_host"`
	Port            int     `json:"port"`
	SendCapMbps     float64 `json:"send_cap_mbps"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	MaxSessions     int     `json:"max_sessions"`
	ReportIntervalS int     `json:"report_interval_s"`
}

// userData tells a machine which node it is. Equal requests give equal bytes, as
// EC2's client tokens want. JSON is YAML, and needs no quoting of its own.
func userData(request provisioner.LaunchRequest, s template.Spec) ([]byte, error) {
	bootstrap, err := json.Marshal(document{
		Bootstrap: request.Bootstrap, DataDir: "/var/lib/godwit", Port: s.Node.Port,
		SendCapMbps: s.Node.SendCapMbps, ReceiveCapMbps: s.Node.ReceiveCapMbps, SessionRateMbps: s.Node.SessionRateMbps,
		MaxSessions: s.Node.MaxSessions, ReportIntervalS: s.ReportIntervalS,
	})
	if err != nil {
		return nil, fmt.Errorf("bootstrap document: %w", err)
	}
	type file struct {
		Path        string `json:"path"`
		Permissions string `json:"permissions"`
		Content     string `json:"content"`
	}
	files := []file{{"/etc/godwit/bootstrap.json", "0600", string(bootstrap)}}
	var run [][]string
	if s.FirstBoot != "" {
		files = append(files, file{"/etc/godwit/first-boot", "0700", s.FirstBoot})
		run = append(run, []string{"/etc/godwit/first-boot"})
	}
	run = append(run, []string{"systemctl", "enable", "--now", "godwit-node.service"})
	body, err := json.Marshal(map[string]any{"write_files": files, "runcmd": run})
	if err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	data := append([]byte("#cloud-config\n"), body...)
	if len(data) > template.UserDataLimit {
		return nil, &provisioner.Error{
			Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: "first_boot",
			Err: fmt.Errorf("user data has %d bytes; EC2 takes %d: put the script into the image", len(data), template.UserDataLimit),
		}
	}
	return data, nil
}
