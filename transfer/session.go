package transfer

import (
	"errors"

	"github.com/godwit/godwit/transfer/control"
)

// session is one live session, at either end.
type session struct {
	ctl *controlConn
}

// wishRate asks the node for another rate or policy.
func (s *session) wishRate(rate *int64, p Policy) {
	_ = s.ctl.sendJSON(control.TypeRate, control.Rate{Rate: rate, Policy: string(p)})
}

func asError(err error, e **Error) bool { return errors.As(err, e) }

// closeFrame is how an error travels.
func closeFrame(err error) control.Close {
	var e *Error
	if err == nil {
		return control.Close{}
	}
	if !errors.As(err, &e) {
		return control.Close{Code: string(CodeInternal), Message: "internal error at the peer"}
	}
	message := e.Message
	if message == "" {
		message = e.Error()
	}
	return control.Close{Code: string(e.Code), Message: message, RetryAfterMS: e.RetryAfter.Milliseconds()}
}
