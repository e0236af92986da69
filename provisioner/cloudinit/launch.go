package cloudinit

import (
	"errors"

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
