package aws

import (
	"errors"
	"net/http"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/godwit/godwit/provisioner"
)

func answer(status int, code, message string) error {
	return &awshttp.ResponseError{RequestID: "r-1", ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

func TestCodesOfEC2HaveTheirClass(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status        int
		code, message string
		class         provisioner.Class
		field         string
	}{
		{500, "InsufficientInstanceCapacity", "", provisioner.Capacity, ""},
		{400, "VcpuLimitExceeded", "", provisioner.Quota, ""},
		{400, "NewKindOfLimitExceeded", "", provisioner.Quota, ""},
		{503, "RequestLimitExceeded", "", provisioner.Throttled, ""},
		{403, "UnauthorizedOperation", "", provisioner.Unauthorized, ""},
		{400, "InvalidAMIID.NotFound", "", provisioner.InvalidTemplate, "image"},
		{400, "InvalidParameterValue", "Value (x) for parameter iamInstanceProfile.name is invalid", provisioner.InvalidTemplate, "instance_profile"},
		{400, "InvalidParameterValue", "Invalid value 'c99' for InstanceType.", provisioner.InvalidTemplate, "instance_types"},
		{400, "InvalidNovelty", "", provisioner.InvalidTemplate, ""},
		{400, "InvalidInstanceID.NotFound", "", provisioner.NotFound, ""},
		{500, "InvalidNovelty", "", provisioner.Transient, ""},
		{400, "NeverHeardOf", "", provisioner.Transient, ""},
		{400, codeMismatch, "", provisioner.Transient, ""},
	} {
		err := cloud.Failure("launch", "x", answer(row.status, row.code, row.message))
		if !errors.Is(err, row.class) || provisioner.Field(err) != row.field {
			t.Errorf("%d %s %q: %v, field %q; want %s, %q", row.status, row.code, row.message, err, provisioner.Field(err), row.class, row.field)
		}
	}
	want := "launch x: quota: VcpuLimitExceeded: too many (request r-1)"
	if err := cloud.Failure("launch", "x", answer(400, "VcpuLimitExceeded", "too many")); err.Error() != want {
		t.Errorf("text:\n got %s\nwant %s", err, want)
	}
}
