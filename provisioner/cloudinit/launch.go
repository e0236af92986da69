package cloudinit

import (
	"errors"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// UserData is Render for a launch: what cannot be rendered is the template's
// fault, and names its field where there is one.
func UserData(cloud Cloud, request provisioner.LaunchRequest, s Spec) ([]byte, error) {
	data, err := Render(cloud, request.Bootstrap, s)
	if err == nil {
		return data, nil
	}
	field := ""
	if _, large := errors.AsType[*SizeError](err); large {
		field = "first_boot_script"
	} else if s.Binary == FromManager && len(request.Bootstrap.Binaries) == 0 {
		field = "binary"
	}
	return nil, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: field, Err: err}
}

// Rehearsal is a request for a launch that nobody makes, as large as a real one.
func Rehearsal() provisioner.LaunchRequest {
	return provisioner.LaunchRequest{
		ClientToken: "rehearsal", NodeID: "rehearsal", NodeName: "rehearsal", Owner: provisioner.Owner{Installation: "rehearsal"},
		Bootstrap: provisioner.Bootstrap{
			ManagerURLs: []string{"https://manager-of-this-cluster.example.com:8443"}, NodeID: strings.Repeat("n", 26), Cluster: strings.Repeat("c", 26),
			CASHA256: strings.Repeat("0", 64), JoinToken: strings.Repeat("t", 64), Binaries: map[string]string{"amd64": strings.Repeat("0", 64), "arm64": strings.Repeat("0", 64)},
		},
	}
}

// Check finds in a template what no machine could be told.
func Check(cloud Cloud, s Spec) []provisioner.FieldError {
	_, err := UserData(cloud, Rehearsal(), s)
	refused, ok := errors.AsType[*provisioner.Error](err)
	if !ok {
		return nil
	}
	return []provisioner.FieldError{{Field: refused.Field, Problem: refused.Err.Error()}}
}
