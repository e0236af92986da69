package aws

import (
	"errors"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
	"github.com/godwit/godwit/provisioner/cloudinit"
)

// userData tells a machine which node it is. Equal requests give equal bytes, as
// EC2's client tokens want.
func userData(request provisioner.LaunchRequest, s template.Spec) ([]byte, error) {
	data, err := cloudinit.Render(cloudinit.EC2, request.Bootstrap, s.Spec)
	if err == nil {
		return data, nil
	}
	field := ""
	if _, large := errors.AsType[*cloudinit.SizeError](err); large {
		field = "first_boot_script"
	} else if s.Binary == cloudinit.FromManager && len(request.Bootstrap.Binaries) == 0 {
		field = "binary"
	}
	return nil, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: field, Err: err}
}
