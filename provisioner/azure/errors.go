package azure

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
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
// listed is classed by its HTTP status; see understand.
var codes = map[string]provisioner.Class{
	// None of this offering now.
	"AllocationFailed":                          provisioner.Capacity,
	"ZonalAllocationFailed":                     provisioner.Capacity,
	"OverconstrainedAllocationRequest":          provisioner.Capacity,
	"OverconstrainedZonalAllocationRequest":     provisioner.Capacity,
	"SkuNotAvailable":                           provisioner.Capacity,
	"NotAvailableForSubscription":               provisioner.Capacity,
	"EvictedSpotVM":                             provisioner.Capacity,
	"MaxPriceTooLow":                            provisioner.Capacity,
	"SubnetIsFull":                              provisioner.Capacity,
	outOfAddresses + "IpAddressesForVMScaleSet": provisioner.Capacity,

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

// cloud understands Azure's errors.
var cloud provisioner.Vendor = understand

func understand(err error) provisioner.Answer {
	out := provisioner.Answer{Class: provisioner.Transient, RetryAfter: throttledFor}
	answer, ok := answerOf(err)
	if !ok {
		// The SDK gives the failure of its own chain no type.
		if _, refused := errors.AsType[*azidentity.AuthenticationFailedError](err); refused || strings.HasPrefix(err.Error(), "DefaultAzureCredential") {
			out.Class = provisioner.Unauthorized
		}
		return out
	}
	class, listed := codes[answer.ErrorCode]
	if out.Class = class; !listed {
		out.Class = provisioner.ClassOfStatus(answer.StatusCode)
	}
	out.Text = cmp.Or(answer.ErrorCode, strconv.Itoa(answer.StatusCode))
	if message := messageOf(answer); message != "" {
		out.Text += ": " + message
	}
	out.Field = provisioner.Mentioned(out.Text, mentions)
	if answer.RawResponse != nil {
		out.RetryAfter = max(throttledFor, provisioner.Advice(answer.RawResponse.Header, 5*time.Minute))
	}
	return out
}

// mentions are of Azure's properties.
var mentions = []provisioner.Mention{
	{Word: "vmsize", Field: "instance_types"}, {Word: "hardwareprofile", Field: "instance_types"}, {Word: "image", Field: "image"},
	{Word: "publicipprefix", Field: "address_pool"}, {Word: "subnet", Field: "subnets"}, {Word: "virtualnetwork", Field: "subnets"}, {Word: "securitygroup", Field: "security_groups"},
	{Word: "identity", Field: "identity"}, {Word: "identities", Field: "identity"},
	{Word: "linuxconfiguration", Field: "ssh_public_key"}, {Word: "ssh", Field: "ssh_public_key"}, {Word: "customdata", Field: "first_boot_script"},
	{Word: "disksizegb", Field: "root_gb"}, {Word: "storageaccounttype", Field: "volume_type"}, {Word: "tag", Field: "tags"},
	{Word: "zone", Field: "zones"}, {Word: "locationnot", Field: "region"},
	{Word: "'location'", Field: "region"}, {Word: " location", Field: "region"}, // no more of the word: allocations are of no region's
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

func isStatus(err error, status int) bool {
	answer, ok := answerOf(err)
	return ok && answer.StatusCode == status
}

func missing(err error) bool { return cloud.Class(err) == provisioner.NotFound }
