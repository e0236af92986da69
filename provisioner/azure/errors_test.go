package azure

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/godwit/godwit/provisioner"
)

// answered is a refusal as the SDK hands it on: its body was read and kept.
func answered(status int, code, advice string, body []byte) error {
	return &azcore.ResponseError{ErrorCode: code, StatusCode: status, RawResponse: &http.Response{
		StatusCode: status, Header: http.Header{"Retry-After": {advice}}, Body: kept{bytes.NewReader(body)},
	}}
}

type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

func TestAnswersAreUnderstood(t *testing.T) {
	t.Parallel()
	const size = `{"error":{"code":"InvalidParameter","message":"The value X provided for the VM size is not valid.","target":"vmSize"}}`
	for _, row := range []struct {
		err   error
		class provisioner.Class
		field string
		retry time.Duration
	}{
		{answered(409, "ZonalAllocationFailed", "", nil), provisioner.Capacity, "", throttledFor},
		{answered(409, "OperationNotAllowed", "", nil), provisioner.Quota, "", throttledFor},
		{answered(429, "TooManyRequests", "120", nil), provisioner.Throttled, "", 2 * time.Minute},
		{answered(429, "", "999999", nil), provisioner.Throttled, "", 5 * time.Minute},
		{answered(400, "InvalidParameter", "", []byte(`{"error":{"message":"Target: vmSize."}}`)), provisioner.InvalidTemplate, "instance_types", throttledFor},
		{answered(400, "LocationNotAvailableForResourceType", "", nil), provisioner.InvalidTemplate, "region", throttledFor},
		{answered(401, "InvalidAuthenticationToken", "", nil), provisioner.Unauthorized, "", throttledFor},
		{answered(404, "ResourceNotFound", "", nil), provisioner.NotFound, "", throttledFor},
		{answered(503, "Unheard", "", []byte("<html>")), provisioner.Transient, "", throttledFor},
		{errors.New("DefaultAzureCredential: nothing"), provisioner.Unauthorized, "", throttledFor},
		{io.ErrUnexpectedEOF, provisioner.Transient, "", throttledFor},
	} {
		got := understand(row.err)
		if got.Class != row.class || got.Field != row.field || got.RetryAfter != row.retry {
			t.Errorf("%v: %+v", row.err, got)
		}
	}
	// The next who reads the answer finds it whole.
	err := answered(400, "InvalidParameter", "", []byte(size))
	if first, again := understand(err), understand(err); first.Text != again.Text || first.Text == "InvalidParameter" {
		t.Errorf("%q, then %q", first.Text, again.Text)
	}
}

// What Azure, or whoever stands between, answers is read without harm.
func FuzzUnderstand(f *testing.F) {
	f.Add(409, "OperationNotAllowed", "5", []byte(`{"error":{"code":"OperationNotAllowed","message":"quota"}}`))
	f.Add(400, "", "", []byte(`{"error":"text"}`))
	f.Add(200, "AllocationFailed", "-1", []byte(`[]`))
	f.Add(0, "", "Wed, 21 Oct 2026 07:28:00 GMT", []byte(nil))
	f.Fuzz(func(t *testing.T, status int, code, advice string, body []byte) {
		got := understand(answered(status, code, advice, body))
		if got.Class == "" || got.Text == "" || got.RetryAfter < throttledFor || got.RetryAfter > 5*time.Minute {
			t.Errorf("%+v", got)
		}
	})
}
