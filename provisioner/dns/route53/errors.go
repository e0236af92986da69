package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/godwit/godwit/provisioner"
)

// throttledFor is the advice with a throttled call, since Route 53 gives none.
const throttledFor = 5 * time.Second

// codes maps error codes to classes. Source: the errors of each call, and "Common
// error types", https://docs.aws.amazon.com/Route53/latest/APIReference/CommonErrors.html;
// PriorRequestNotComplete is what a zone says for which too many changes wait.
var codes = map[string]provisioner.Class{
	"NoSuchHostedZone":            provisioner.NotFound,
	"Throttling":                  provisioner.Throttled,
	"ThrottlingException":         provisioner.Throttled,
	"PriorRequestNotComplete":     provisioner.Throttled,
	"InvalidInput":                provisioner.InvalidTemplate,
	"InvalidDomainName":           provisioner.InvalidTemplate,
	"AccessDenied":                provisioner.Unauthorized,
	"AccessDeniedException":       provisioner.Unauthorized,
	"NotAuthorizedException":      provisioner.Unauthorized,
	"ExpiredToken":                provisioner.Unauthorized,
	"InvalidClientTokenId":        provisioner.Unauthorized,
	"SignatureDoesNotMatch":       provisioner.Unauthorized,
	"MissingAuthenticationToken":  provisioner.Unauthorized,
	"IncompleteSignature":         provisioner.Unauthorized,
	"OptInRequired":               provisioner.Unauthorized,
	"UnrecognizedClientException": provisioner.Unauthorized,
}

func classify(err error) provisioner.Class {
	if known, ok := errors.AsType[*provisioner.Error](err); ok {
		return known.Class
	}
	if _, ok := errors.AsType[*noCredentials](err); ok {
		return provisioner.Unauthorized
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return provisioner.Transient
	}
	if class, listed := codes[answer.ErrorCode()]; listed {
		return class
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() < http.StatusInternalServerError {
		return provisioner.InvalidTemplate
	}
	return provisioner.Transient
}

// failure makes the contract's error of what a call returned.
func failure(op, subject string, err error) error {
	if provisioner.Interrupted(err) {
		return fmt.Errorf("%s %s: %w", op, subject, err)
	}
	if already, ok := errors.AsType[*provisioner.Error](err); ok {
		return already
	}
	e := &provisioner.Error{Class: classify(err), Op: op, Subject: subject, Err: err}
	var answer smithy.APIError
	if errors.As(err, &answer) {
		e.Err = fmt.Errorf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())
	}
	if e.Class == provisioner.Throttled {
		e.RetryAfter = throttledFor
	}
	return e
}

// found marks the failure to find credentials, which the SDK gives no type.
type found struct{ awssdk.CredentialsProvider }

type noCredentials struct{ err error }

func (n *noCredentials) Error() string { return "no AWS credentials that work: " + n.err.Error() }
func (n *noCredentials) Unwrap() error { return n.err }

func (f found) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	c, err := f.CredentialsProvider.Retrieve(ctx)
	if err != nil && !provisioner.Interrupted(err) {
		var answer smithy.APIError
		if errors.As(err, &answer) { // what STS says to a role
			return c, &noCredentials{fmt.Errorf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())}
		}
		return c, &noCredentials{err}
	}
	return c, err
}
