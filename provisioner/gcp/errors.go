package gcp

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/apiv1/computepb"
	"google.golang.org/api/googleapi"

	"github.com/godwit/godwit/provisioner"
)

// codes maps what Google says to the contract's classes: the reasons of a refused
// request (camel case) and the codes of a failed operation. Source: "Error
// codes", https://cloud.google.com/compute/docs/reference/rest/v1/errors; for
// capacity https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-resource-availability;
// for reasons https://cloud.google.com/storage/docs/json_api/v1/status-codes and
// https://developers.google.com/analytics/devguides/config/mgmt/v3/errors, which
// all of Google's older JSON interfaces share. What is not listed is classed by
// its HTTP status; see understand.
var codes = map[string]provisioner.Class{
	// None of this offering now; free addresses are the subnetwork's capacity.
	"ZONE_RESOURCE_POOL_EXHAUSTED":              provisioner.Capacity,
	"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": provisioner.Capacity,
	"RESOURCE_POOL_EXHAUSTED":                   provisioner.Capacity,
	"STOCKOUT":                                  provisioner.Capacity,
	"IP_SPACE_EXHAUSTED":                        provisioner.Capacity,
	"IP_SPACE_EXHAUSTED_WITH_DETAILS":           provisioner.Capacity,
	"SERVICE_UNAVAILABLE_FOR_LOCATION":          provisioner.Capacity,
	codeInUse:                                   provisioner.Capacity,

	// A limit of the project.
	"QUOTA_EXCEEDED":      provisioner.Quota,
	"quotaExceeded":       provisioner.Quota,
	"limitExceeded":       provisioner.Quota,
	"QUOTA_LIMIT_REACHED": provisioner.Quota,

	"rateLimitExceeded":                provisioner.Throttled,
	"userRateLimitExceeded":            provisioner.Throttled,
	"dailyLimitExceeded":               provisioner.Throttled,
	"RATE_LIMIT_EXCEEDED":              provisioner.Throttled,
	"RESOURCE_OPERATION_RATE_EXCEEDED": provisioner.Throttled,
	"OPERATION_RATE_EXCEEDED":          provisioner.Throttled,
	"CONCURRENT_OPERATIONS_QUOTA":      provisioner.Throttled,

	// The template's fault.
	"invalid":                provisioner.InvalidTemplate,
	"invalidParameter":       provisioner.InvalidTemplate,
	"required":               provisioner.InvalidTemplate,
	"badRequest":             provisioner.InvalidTemplate,
	"parseError":             provisioner.InvalidTemplate,
	"INVALID_FIELD_VALUE":    provisioner.InvalidTemplate,
	"INVALID_USAGE":          provisioner.InvalidTemplate,
	"MISSING_REQUIRED_FIELD": provisioner.InvalidTemplate,
	"FIELD_SIZE_TOO_LARGE":   provisioner.InvalidTemplate,
	"RESOURCE_NOT_FOUND":     provisioner.InvalidTemplate, // of an insert: what it refers to
	"NETWORK_NOT_FOUND":      provisioner.InvalidTemplate,
	"PROJECT_NOT_FOUND":      provisioner.InvalidTemplate,
	"UNSUPPORTED_OPERATION":  provisioner.Unsupported,
	"notFound":               provisioner.NotFound,

	// Who asks, and what an organisation forbids.
	"authError":           provisioner.Unauthorized,
	"forbidden":           provisioner.Unauthorized,
	"accessNotConfigured": provisioner.Unauthorized,
	"SERVICE_DISABLED":    provisioner.Unauthorized,
	"PERMISSIONS_ERROR":   provisioner.Unauthorized,
	"PERMISSION_DENIED":   provisioner.Unauthorized,
	"CONDITION_NOT_MET":   provisioner.Unauthorized,
	"conditionNotMet":     provisioner.Unauthorized,

	"resourceNotReady":                    provisioner.Transient,
	"RESOURCE_NOT_READY":                  provisioner.Transient,
	"resourceInUseByAnotherResource":      provisioner.Transient,
	"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": provisioner.Transient,
	"backendError":                        provisioner.Transient,
	"internalError":                       provisioner.Transient,
	"INTERNAL_ERROR":                      provisioner.Transient,
	"OPERATION_CANCELED_BY_USER":          provisioner.Transient,
}

// codeInUse is Google's of an address that something has.
const codeInUse = "IP_IN_USE_BY_ANOTHER_RESOURCE"

// throttledFor is the advice with a throttled call when Google gives none: its
// rates are counted by the minute.
const throttledFor = 10 * time.Second

// failed is an operation that was accepted and came to nothing.
type failed struct {
	code, message string
	status        int
}

func (f *failed) Error() string { return f.code + ": " + f.message }

// outcome is the failure of a finished operation, or nil. With several errors
// the first that has a class counts.
func outcome(op *computepb.Operation) error {
	list := op.GetError().GetErrors()
	if len(list) == 0 {
		if status := int(op.GetHttpErrorStatusCode()); status >= http.StatusBadRequest {
			return &failed{http.StatusText(status), op.GetHttpErrorMessage(), status}
		}
		return nil
	}
	worst := list[0]
	for _, e := range list {
		if _, listed := codes[e.GetCode()]; listed {
			worst = e
			break
		}
	}
	return &failed{worst.GetCode(), worst.GetMessage(), int(op.GetHttpErrorStatusCode())}
}

// cloud understands Google's errors.
var cloud provisioner.Vendor = understand

func understand(err error) provisioner.Answer {
	out := provisioner.Answer{Class: provisioner.Transient, RetryAfter: throttledFor}
	if _, ok := errors.AsType[*auth.Error](err); ok {
		out.Class = provisioner.Unauthorized
		return out
	}
	var said []string
	status := 0
	if f, ok := errors.AsType[*failed](err); ok {
		said, status = []string{f.code}, f.status
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		for _, item := range answer.Errors {
			said = append(said, item.Reason)
		}
		status = answer.Code
		out.RetryAfter = max(throttledFor, advice(err))
		if answer.Message != "" {
			out.Text = cmp.Or(append(said, strconv.Itoa(status))[0], strconv.Itoa(status)) + ": " + answer.Message
		}
	}
	out.Field = provisioner.Mentioned(cmp.Or(out.Text, err.Error()), mentions)
	for _, code := range said {
		if class, listed := codes[code]; listed {
			out.Class = class
			return out
		}
	}
	if out.Class = provisioner.ClassOfStatus(status); status == http.StatusPreconditionFailed {
		out.Class = provisioner.Unauthorized // an organisation's constraint
	}
	return out
}

// mentions are of Google's fields.
var mentions = []provisioner.Mention{
	{Word: "machinetype", Field: "instance_types"}, {Word: "/images/", Field: "image"}, {Word: "sourceimage", Field: "image"},
	{Word: "natip", Field: "addresses"}, {Word: "subnetwork", Field: "subnets"}, {Word: "network", Field: "subnets"},
	{Word: "service account", Field: "service_account"}, {Word: "serviceaccount", Field: "service_account"},
	{Word: "metadata", Field: "first_boot_script"}, {Word: "disksizegb", Field: "root_gb"}, {Word: "disktype", Field: "volume_type"},
	{Word: "labels", Field: "tags"}, {Word: "resource.tags", Field: "network_tags"}, {Word: "zone", Field: "zones"}, {Word: "region", Field: "region"},
}

// advice is the answer's own Retry-After; at most a minute is believed.
func advice(err error) time.Duration {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0
	}
	return provisioner.Advice(answer.Header, time.Minute)
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == status
}
