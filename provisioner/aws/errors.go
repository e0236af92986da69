package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/godwit/godwit/provisioner"
)

// meaning of one of EC2's error codes.
type meaning struct {
	class provisioner.Class
	// field of the template at fault, where the code says which.
	field string
}

// codes maps EC2's error codes to the contract's classes. Source: "Error codes
// for the Amazon EC2 API", https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
// and for the last group "Common errors" of STS and of the Query protocol,
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html. What is
// not listed is classed by its form; see classify.
var codes = map[string]meaning{
	// None of this offering now. Unsupported is what EC2 says for a type that a
	// zone does not have; free addresses are the subnet's capacity.
	"InsufficientInstanceCapacity":         {class: provisioner.Capacity},
	"InsufficientHostCapacity":             {class: provisioner.Capacity},
	"InsufficientReservedInstanceCapacity": {class: provisioner.Capacity},
	"InsufficientCapacityOnHost":           {class: provisioner.Capacity},
	"InsufficientVolumeCapacity":           {class: provisioner.Capacity},
	"InsufficientCapacity":                 {class: provisioner.Capacity},
	"InsufficientFreeAddressesInSubnet":    {class: provisioner.Capacity},
	"InsufficientAddressCapacity":          {class: provisioner.Capacity},
	"SpotMaxPriceTooLow":                   {class: provisioner.Capacity},
	"UnfulfillableCapacity":                {class: provisioner.Capacity},
	"Unsupported":                          {class: provisioner.Capacity},

	// A limit of the account.
	"VcpuLimitExceeded":                     {class: provisioner.Quota},
	"InstanceLimitExceeded":                 {class: provisioner.Quota},
	"MaxSpotInstanceCountExceeded":          {class: provisioner.Quota},
	"VolumeLimitExceeded":                   {class: provisioner.Quota},
	"MaxIOPSLimitExceeded":                  {class: provisioner.Quota},
	"NetworkInterfaceLimitExceeded":         {class: provisioner.Quota},
	"PrivateIpAddressLimitExceeded":         {class: provisioner.Quota},
	"AddressLimitExceeded":                  {class: provisioner.Quota},
	"InstanceCreditSpecification.NotUsable": {class: provisioner.Quota},

	"RequestLimitExceeded":      {class: provisioner.Throttled},
	"Throttling":                {class: provisioner.Throttled},
	"ThrottlingException":       {class: provisioner.Throttled},
	"ThrottledException":        {class: provisioner.Throttled},
	"EC2ThrottledException":     {class: provisioner.Throttled},
	"RequestThrottled":          {class: provisioner.Throttled},
	"RequestThrottledException": {class: provisioner.Throttled},
	"TooManyRequestsException":  {class: provisioner.Throttled},

	// The template's fault.
	"InvalidAMIID.NotFound":                   {provisioner.InvalidTemplate, "image"},
	"InvalidAMIID.Malformed":                  {provisioner.InvalidTemplate, "image"},
	"InvalidAMIID.Unavailable":                {provisioner.InvalidTemplate, "image"},
	"InvalidSubnetID.NotFound":                {provisioner.InvalidTemplate, "subnets"},
	"InvalidSubnetID.Malformed":               {provisioner.InvalidTemplate, "subnets"},
	"InvalidSubnet":                           {provisioner.InvalidTemplate, "subnets"},
	"InvalidGroup.NotFound":                   {provisioner.InvalidTemplate, "security_groups"},
	"InvalidGroupId.Malformed":                {provisioner.InvalidTemplate, "security_groups"},
	"InvalidSecurityGroupID.NotFound":         {provisioner.InvalidTemplate, "security_groups"},
	"InvalidSecurityGroupID.Malformed":        {provisioner.InvalidTemplate, "security_groups"},
	"SecurityGroupsPerInstanceLimitExceeded":  {provisioner.InvalidTemplate, "security_groups"},
	"SecurityGroupsPerInterfaceLimitExceeded": {provisioner.InvalidTemplate, "security_groups"},
	"InvalidKeyPair.NotFound":                 {provisioner.InvalidTemplate, "key_name"},
	"InvalidIamInstanceProfileArn.Malformed":  {provisioner.InvalidTemplate, "instance_profile"},
	"InvalidInstanceType":                     {provisioner.InvalidTemplate, "instance_types"},
	"InvalidUserData.Malformed":               {provisioner.InvalidTemplate, "first_boot_script"},
	"InvalidBlockDeviceMapping":               {provisioner.InvalidTemplate, "root_gb"},
	"InvalidParameterCombination":             {class: provisioner.InvalidTemplate},
	"InvalidParameterValue":                   {class: provisioner.InvalidTemplate},
	"InvalidParameter":                        {class: provisioner.InvalidTemplate},
	"MissingParameter":                        {class: provisioner.InvalidTemplate},
	"UnknownParameter":                        {class: provisioner.InvalidTemplate},
	"VPCIdNotSpecified":                       {provisioner.InvalidTemplate, "subnets"},
	"InvalidNetworkInterfaceID.NotFound":      {class: provisioner.Transient},
	"InvalidVolume.NotFound":                  {class: provisioner.Transient},
	"InvalidSpotInstanceRequestID.NotFound":   {class: provisioner.Transient},
	"InvalidInstanceID.NotFound":              {class: provisioner.NotFound},
	"InvalidInstanceID.Malformed":             {class: provisioner.NotFound},
	"InvalidInstanceID":                       {class: provisioner.NotFound},
	"UnsupportedOperation":                    {class: provisioner.Unsupported},
	"OperationNotPermitted":                   {class: provisioner.Unsupported},
	"UnsupportedInstanceAttribute":            {class: provisioner.Unsupported},
	codeState:                                 {class: provisioner.Transient},
	"IncorrectSpotRequestState":               {class: provisioner.Transient},
	"InternalError":                           {class: provisioner.Transient},
	"InternalFailure":                         {class: provisioner.Transient},
	"ServiceUnavailable":                      {class: provisioner.Transient},
	"Unavailable":                             {class: provisioner.Transient},
	"RequestTimeout":                          {class: provisioner.Transient},
	codeMismatch:                              {class: provisioner.Transient},

	// Who asks.
	"AuthFailure":                 {class: provisioner.Unauthorized},
	"UnauthorizedOperation":       {class: provisioner.Unauthorized},
	"OptInRequired":               {class: provisioner.Unauthorized},
	"Blocked":                     {class: provisioner.Unauthorized},
	"PendingVerification":         {class: provisioner.Unauthorized},
	"RequestExpired":              {class: provisioner.Unauthorized},
	"ExpiredToken":                {class: provisioner.Unauthorized},
	"ExpiredTokenException":       {class: provisioner.Unauthorized},
	"InvalidClientTokenId":        {class: provisioner.Unauthorized},
	"SignatureDoesNotMatch":       {class: provisioner.Unauthorized},
	"IncompleteSignature":         {class: provisioner.Unauthorized},
	"MissingAuthenticationToken":  {class: provisioner.Unauthorized},
	"UnrecognizedClientException": {class: provisioner.Unauthorized},
	"AccessDenied":                {class: provisioner.Unauthorized},
	"AccessDeniedException":       {class: provisioner.Unauthorized},
	"NotAuthorized":               {class: provisioner.Unauthorized},
}

// Codes on which this package acts by itself.
const (
	codeMismatch  = "IdempotentParameterMismatch"
	codeState     = "IncorrectInstanceState"
	codeDryRun    = "DryRunOperation"
	codeForbidden = "UnauthorizedOperation"
	// codeNotOffered is EC2's answer where a zone does not have a type at all.
	codeNotOffered = "Unsupported"
)

// throttledFor is the advice with a throttled call: EC2 gives none. Its buckets
// refill within seconds.
const throttledFor = 5 * time.Second

// classify finds an error's class and the template's field at fault.
func classify(err error) (provisioner.Class, string) {
	if failure, ok := errors.AsType[*provisioner.Error](err); ok {
		return failure.Class, failure.Field
	}
	if _, ok := errors.AsType[*noCredentials](err); ok {
		return provisioner.Unauthorized, ""
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return provisioner.Transient, ""
	}
	code := answer.ErrorCode()
	if known, ok := codes[code]; ok {
		if known.class == provisioner.InvalidTemplate && known.field == "" {
			known.field = fieldOf(answer.ErrorMessage())
		}
		return known.class, known.field
	}
	status := 0
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	switch {
	case status >= http.StatusInternalServerError:
		return provisioner.Transient, ""
	case strings.HasSuffix(code, "LimitExceeded"):
		return provisioner.Quota, ""
	case strings.HasPrefix(code, "Invalid"), strings.HasPrefix(code, "Missing"), strings.HasPrefix(code, "Malformed"):
		return provisioner.InvalidTemplate, fieldOf(answer.ErrorMessage())
	}
	return provisioner.Transient, ""
}

// fieldOf guesses the field from a message that names EC2's parameter. EC2 has
// one code for most wrong values.
func fieldOf(message string) string {
	lower := strings.ToLower(message)
	for _, known := range []struct{ word, field string }{
		{"iaminstanceprofile", "instance_profile"}, {"iam instance profile", "instance_profile"},
		{"instancetype", "instance_types"}, {"instance type", "instance_types"},
		{"user data", "first_boot_script"}, {"userdata", "first_boot_script"},
		{"securitygroup", "security_groups"}, {"security group", "security_groups"},
		{"subnet", "subnets"}, {"imageid", "image"}, {"key pair", "key_name"},
		{"volume", "root_gb"}, {"snapshot", "root_gb"}, {"tag", "tags"},
	} {
		if strings.Contains(lower, known.word) {
			return known.field
		}
	}
	return ""
}

// codeOf is EC2's error code; empty where it did not answer.
func codeOf(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
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
	class, field := classify(err)
	e := &provisioner.Error{Class: class, Op: op, Subject: subject, Field: field, Err: plain(err)}
	if class == provisioner.Throttled {
		e.RetryAfter = throttledFor
	}
	return e
}

// plain drops the SDK's frame around EC2's own words; the request's id stays,
// for that is what AWS's support asks for.
func plain(err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return err
	}
	text := answer.ErrorCode() + ": " + answer.ErrorMessage()
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.ServiceRequestID() != "" {
		text += " (request " + response.ServiceRequestID() + ")"
	}
	return &answered{text: text, err: err}
}

type answered struct {
	text string
	err  error
}

func (a *answered) Error() string { return a.text }
func (a *answered) Unwrap() error { return a.err }

func refuse(class provisioner.Class, op, subject, format string, values ...any) error {
	return &provisioner.Error{Class: class, Op: op, Subject: subject, Err: fmt.Errorf(format, values...)}
}

// found marks the failure to find credentials, which the SDK gives no type.
type found struct{ awssdk.CredentialsProvider }

type noCredentials struct{ err error }

func (n *noCredentials) Error() string {
	return "no AWS credentials that work: " + n.err.Error()
}
func (n *noCredentials) Unwrap() error { return n.err }

func (f found) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	c, err := f.CredentialsProvider.Retrieve(ctx)
	if err != nil && !provisioner.Interrupted(err) {
		return c, &noCredentials{err}
	}
	return c, err
}
