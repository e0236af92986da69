package aws

import (
	"context"
	"errors"
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
// not listed is classed by its form; see understand.
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
	codeTaken:                              {class: provisioner.Capacity},

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
	"InvalidAllocationID.NotFound":            {provisioner.InvalidTemplate, "addresses"},
	"InvalidAddress.NotFound":                 {provisioner.InvalidTemplate, "addresses"},
	"InvalidAddressID.NotFound":               {provisioner.InvalidTemplate, "addresses"},
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
	// codeTaken is EC2's answer where something has the Elastic IP address.
	codeTaken = "Resource.AlreadyAssociated"
	// codeNotOffered is EC2's answer where a zone does not have a type at all.
	codeNotOffered = "Unsupported"
)

// throttledFor is the advice with a throttled call: EC2 gives none. Its buckets
// refill within seconds.
const throttledFor = 5 * time.Second

// cloud understands EC2's errors.
var cloud provisioner.Vendor = understand

func understand(err error) provisioner.Answer {
	out := provisioner.Answer{Class: provisioner.Transient, RetryAfter: throttledFor}
	if _, ok := errors.AsType[*noCredentials](err); ok {
		out.Class = provisioner.Unauthorized
		return out
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return out
	}
	code, status := answer.ErrorCode(), 0
	out.Text = code + ": " + answer.ErrorMessage()
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
		if id := response.ServiceRequestID(); id != "" {
			out.Text += " (request " + id + ")" // for that is what AWS's support asks for
		}
	}
	known, listed := codes[code]
	switch {
	case listed:
		out.Class, out.Field = known.class, known.field
	case status >= http.StatusInternalServerError:
	case strings.HasSuffix(code, "LimitExceeded"):
		out.Class = provisioner.Quota
	case strings.HasPrefix(code, "Invalid"), strings.HasPrefix(code, "Missing"), strings.HasPrefix(code, "Malformed"):
		out.Class = provisioner.InvalidTemplate
	}
	if out.Field == "" {
		out.Field = provisioner.Mentioned(answer.ErrorMessage(), mentions)
	}
	return out
}

// mentions are of EC2's parameters: it has one code for most wrong values.
var mentions = []provisioner.Mention{
	{Word: "iaminstanceprofile", Field: "instance_profile"}, {Word: "iam instance profile", Field: "instance_profile"},
	{Word: "instancetype", Field: "instance_types"}, {Word: "instance type", Field: "instance_types"},
	{Word: "user data", Field: "first_boot_script"}, {Word: "userdata", Field: "first_boot_script"},
	{Word: "securitygroup", Field: "security_groups"}, {Word: "security group", Field: "security_groups"},
	{Word: "subnet", Field: "subnets"}, {Word: "imageid", Field: "image"}, {Word: "key pair", Field: "key_name"},
	{Word: "volume", Field: "root_gb"}, {Word: "snapshot", Field: "root_gb"}, {Word: "tag", Field: "tags"},
}

// codeOf is EC2's error code; empty where it did not answer.
func codeOf(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
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
