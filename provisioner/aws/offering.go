package aws

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/offering"
)

// tokenFor is the client token with which EC2 is asked for an offering.
func tokenFor(request provisioner.LaunchRequest, o offering.Offering) string {
	sum := sha256.Sum256([]byte(request.Owner.Installation + "\x00" + request.ClientToken + "\x00" + o.String()))
	return "godwit-" + hex.EncodeToString(sum[:20])
}

// judge: what a zone does not have at all has a code of its own.
func judge(err error) offering.Verdict {
	v := offering.Judge(cloud.Class(err))
	if codeOf(err) == codeNotOffered {
		v.Rests = offering.NotOfferedRests
	}
	return v
}
