package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/godwit/godwit/provisioner"
)

// codes maps Azure's error codes to the contract's classes. Sources: "Troubleshoot
// common Azure deployment errors",
// https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors;
// "Allocation failures",
// https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/allocation-failure;
// "Error codes for spot virtual machines",
// https://learn.microsoft.com/azure/virtual-machines/error-codes-spot. What is not
// listed is classed by its HTTP status; see classify.
var codes = map[string]provisioner.Class{
	// None of this offering now.
	"AllocationFailed":                      provisioner.Capacity,
	"ZonalAllocationFailed":                 provisioner.Capacity,
	"OverconstrainedAllocationRequest":      provisioner.Capacity,
	"OverconstrainedZonalAllocationRequest": provisioner.Capacity,
	"SkuNotAvailable":                       provisioner.Capacity,
	"NotAvailableForSubscription":           provisioner.Capacity,
	"EvictedSpotVM":                         provisioner.Capacity,
	"MaxPriceTooLow":                        provisioner.Capacity,
	"SubnetIsFull":                          provisioner.Capacity,

	// A limit of the subscription. OperationNotAllowed is what Azure says of cores
	// beyond it, and of little else in a creation.
	"QuotaExceeded":                 provisioner.Quota,
	"OperationNotAllowed":           provisioner.Quota,
	"ResourceQuotaExceeded":         provisioner.Quota,
	"PublicIPCountLimitReached":     provisioner.Quota,
	"ResourceGroupQuotaExceeded":    provisioner.Quota,
	"MaxDisksCountReached":          provisioner.Quota,
	"NetworkInterfaceCountExceeded": provisioner.Quota,

	"TooManyRequests":                     provisioner.Throttled,
	"SubscriptionRequestsThrottled":       provisioner.Throttled,
	"ResourceCollectionRequestsThrottled": provisioner.Throttled,
	"RetryableError":                      provisioner.Throttled,

	// The template's fault.
	"InvalidParameter":                    provisioner.InvalidTemplate,
	"InvalidRequestContent":               provisioner.InvalidTemplate,
	"BadRequest":                          provisioner.InvalidTemplate,
	"PropertyChangeNotAllowed":            provisioner.InvalidTemplate,
	"ImageNotFound":                       provisioner.InvalidTemplate,
	"PlatformImageNotFound":               provisioner.InvalidTemplate,
	"GalleryImageNotFound":                provisioner.InvalidTemplate,
	"InvalidResourceReference":            provisioner.InvalidTemplate,
	"SubnetNotFound":                      provisioner.InvalidTemplate,
	"LocationNotAvailableForResourceType": provisioner.InvalidTemplate,
	"AvailabilityZoneNotSupported":        provisioner.InvalidTemplate,
	"LinkedAuthorizationFailed":           provisioner.Unauthorized,
	"ResourceNotFound":                    provisioner.NotFound,
	"NotFound":                            provisioner.NotFound,
	"ResourceGroupNotFound":               provisioner.Unauthorized, // of the manager's settings, not of a machine

	// Who asks, and what an organisation forbids.
	"AuthorizationFailed":             provisioner.Unauthorized,
	"AuthenticationFailed":            provisioner.Unauthorized,
	"InvalidAuthenticationToken":      provisioner.Unauthorized,
	"ExpiredAuthenticationToken":      provisioner.Unauthorized,
	"SubscriptionNotFound":            provisioner.Unauthorized,
	"MissingSubscriptionRegistration": provisioner.Unauthorized,
	"RequestDisallowedByPolicy":       provisioner.Unauthorized,
	"ScopeLocked":                     provisioner.Unauthorized,

	"Conflict":                     provisioner.Transient,
	"AnotherOperationInProgress":   provisioner.Transient,
	"AttachDiskWhileBeingDetached": provisioner.Transient,
	"InternalExecutionError":       provisioner.Transient,
	"InternalServerError":          provisioner.Transient,
	"OperationPreempted":           provisioner.Transient,
}

// throttledFor is the advice with a throttled call when Azure gives none: its
// buckets refill within seconds to minutes.
const throttledFor = 15 * time.Second

func answerOf(err error) (*azcore.ResponseError, bool) {
	return errors.AsType[*azcore.ResponseError](err)
}

// classify finds an error's class.
func classify(err error) provisioner.Class {
	if failure, ok := errors.AsType[*provisioner.Error](err); ok {
		return failure.Class
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return provisioner.Unauthorized
	}
	answer, ok := answerOf(err)
	if !ok {
		if strings.HasPrefix(err.Error(), "DefaultAzureCredential") { // the SDK gives this failure no type
			return provisioner.Unauthorized
		}
		return provisioner.Transient
	}
	if class, listed := codes[answer.ErrorCode]; listed {
		return class
	}
	switch answer.StatusCode {
	case http.StatusBadRequest:
		return provisioner.InvalidTemplate
	case http.StatusUnauthorized, http.StatusForbidden:
		return provisioner.Unauthorized
	case http.StatusNotFound, http.StatusGone:
		return provisioner.NotFound
	case http.StatusTooManyRequests:
		return provisioner.Throttled
	}
	return provisioner.Transient
}

// fieldOf finds the field at fault in what Azure says.
func fieldOf(message string) string {
	lower := strings.ToLower(message)
	for _, row := range []struct{ word, field string }{
		{"vmsize", "instance_types"}, {"hardwareprofile", "instance_types"}, {"image", "image"}, {"subnet", "subnets"},
		{"virtualnetwork", "subnets"}, {"securitygroup", "security_groups"}, {"identity", "identity"}, {"identities", "identity"},
		{"linuxconfiguration", "ssh_public_key"}, {"ssh", "ssh_public_key"}, {"customdata", "first_boot_script"},
		{"disksizegb", "root_gb"}, {"storageaccounttype", "volume_type"}, {"tag", "tags"}, {"zone", "zones"}, {"location", "region"},
	} {
		if strings.Contains(lower, row.word) {
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

// plain drops the SDK's page of text around Azure's own words.
func plain(err error) error {
	answer, ok := answerOf(err)
	if !ok {
		return err
	}
	text := strconv.Itoa(answer.StatusCode)
	if answer.ErrorCode != "" {
		text = answer.ErrorCode
	}
	if message := messageOf(answer); message != "" {
		text += ": " + message
	}
	return &answered{text, err}
}

// messageOf reads the message out of the answer's body, which the SDK has read
// before and kept.
func messageOf(answer *azcore.ResponseError) string {
	if answer.RawResponse == nil || answer.RawResponse.Body == nil {
		return ""
	}
	raw, err := io.ReadAll(io.LimitReader(answer.RawResponse.Body, 64<<10))
	if seeker, ok := answer.RawResponse.Body.(io.Seeker); ok {
		_, _ = seeker.Seek(0, io.SeekStart) // for the next who reads it
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return ""
	}
	return body.Error.Message
}

type answered struct {
	text string
	err  error
}

func (a *answered) Error() string { return a.text }
func (a *answered) Unwrap() error { return a.err }

// advice is the answer's own Retry-After, in seconds; at most five minutes are
// believed.
func advice(err error) time.Duration {
	answer, ok := answerOf(err)
	if !ok || answer.RawResponse == nil {
		return 0
	}
	seconds, err := strconv.Atoi(answer.RawResponse.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, 5*time.Minute)
}

func refuse(class provisioner.Class, op, subject, format string, values ...any) error {
	return &provisioner.Error{Class: class, Op: op, Subject: subject, Err: fmt.Errorf(format, values...)}
}

func isStatus(err error, status int) bool {
	answer, ok := answerOf(err)
	return ok && answer.StatusCode == status
}

func missing(err error) bool { return err != nil && classify(err) == provisioner.NotFound }
