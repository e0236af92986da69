package gcp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
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
// its HTTP status; see classify.
var codes = map[string]provisioner.Class{
	// None of this offering now; free addresses are the subnetwork's capacity.
	"ZONE_RESOURCE_POOL_EXHAUSTED":              provisioner.Capacity,
	"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": provisioner.Capacity,
	"RESOURCE_POOL_EXHAUSTED":                   provisioner.Capacity,
	"STOCKOUT":                                  provisioner.Capacity,
	"IP_SPACE_EXHAUSTED":                        provisioner.Capacity,
	"IP_SPACE_EXHAUSTED_WITH_DETAILS":           provisioner.Capacity,
	"SERVICE_UNAVAILABLE_FOR_LOCATION":          provisioner.Capacity,

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

// classify finds an error's class.
func classify(err error) provisioner.Class {
	if failure, ok := errors.AsType[*provisioner.Error](err); ok {
		return failure.Class
	}
	if _, ok := errors.AsType[*auth.Error](err); ok {
		return provisioner.Unauthorized
	}
	status := 0
	if f, ok := errors.AsType[*failed](err); ok {
		if class, listed := codes[f.code]; listed {
			return class
		}
		status = f.status
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		for _, item := range answer.Errors {
			if class, listed := codes[item.Reason]; listed {
				return class
			}
		}
		status = answer.Code
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return provisioner.InvalidTemplate
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusPreconditionFailed:
		return provisioner.Unauthorized
	case http.StatusNotFound, http.StatusGone:
		return provisioner.NotFound
	case http.StatusTooManyRequests:
		return provisioner.Throttled
	}
	return provisioner.Transient
}

// fieldOf finds the field at fault in a message, which names Google's.
func fieldOf(message string) string {
	for _, row := range []struct{ word, field string }{
		{"machineType", "instance_types"}, {"/images/", "image"}, {"sourceImage", "image"}, {"subnetwork", "subnets"},
		{"network", "subnets"}, {"service account", "service_account"}, {"serviceAccount", "service_account"},
		{"metadata", "first_boot_script"}, {"diskSizeGb", "root_gb"}, {"diskType", "volume_type"}, {"labels", "tags"},
		{"resource.tags", "network_tags"}, {"zone", "zones"}, {"region", "region"},
	} {
		if strings.Contains(message, row.word) {
			return row.field
		}
	}
	return ""
}

// failure makes the contract's error of what a call returned. The end of the
// caller's own context stays what it is.
func failure(op, subject string, err error) error {
	if provisioner.Interrupted(err) {
		return fmt.Errorf("%s %s: %w", op, subject, err)
	}
	if already, ok := errors.AsType[*provisioner.Error](err); ok {
		return already
	}
	e := &provisioner.Error{Class: classify(err), Op: op, Subject: subject, Err: plain(err)}
	switch e.Class {
	case provisioner.Throttled:
		e.RetryAfter = max(throttledFor, advice(err))
	case provisioner.InvalidTemplate:
		e.Field = fieldOf(e.Err.Error())
	case provisioner.Capacity, provisioner.Quota, provisioner.Unauthorized, provisioner.NotFound, provisioner.Transient, provisioner.Unsupported:
	}
	return e
}

// plain drops the SDK's frame around Google's own words.
func plain(err error) error {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok || answer.Message == "" {
		return err
	}
	reason := strconv.Itoa(answer.Code)
	if len(answer.Errors) > 0 && answer.Errors[0].Reason != "" {
		reason = answer.Errors[0].Reason
	}
	return &answered{reason + ": " + answer.Message, err}
}

type answered struct {
	text string
	err  error
}

func (a *answered) Error() string { return a.text }
func (a *answered) Unwrap() error { return a.err }

// advice is the answer's own Retry-After, in seconds as Google gives it; at most
// a minute is believed.
func advice(err error) time.Duration {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0
	}
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

func refuse(class provisioner.Class, op, subject, format string, values ...any) error {
	return &provisioner.Error{Class: class, Op: op, Subject: subject, Err: fmt.Errorf(format, values...)}
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == status
}
