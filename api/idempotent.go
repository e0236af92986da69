package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/godwit/godwit/statestore"
)

const (
	idempotencyHeader = "Idempotency-Key"
	// replayedHeader marks an answer that was given before.
	replayedHeader = "Idempotency-Replayed"
	maxKey         = 128
	// claimRetry is when a sender whose first request still runs may ask again.
	claimRetry = time.Second
	// answerTime bounds the writing down of an answer after its sender has gone.
	answerTime = 10 * time.Second
)

// idempotent says that an operation may be sent with an Idempotency-Key: all that make or do something by POST, so that
// none is forgotten. Those that anybody may call have no sender to keep an answer for.
func (o operation) idempotent() bool {
	return o.method == http.MethodPost && !o.pure && o.role != RolePublic
}

func idempotencyParam() *huma.Param {
	longest := maxKey
	return &huma.Param{
		Name: idempotencyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Description: "A new random text for each thing that you want done. Sent again within a day with the same body, the first answer is " +
			"given again (Idempotency-Replayed: true) and nothing is done twice; with another body it is refused with 422. " +
			"While the first request runs, others answer 409 with Retry-After.",
	}
}

// once is huma's middleware behind authorize: it carries out a request with an Idempotency-Key at most once.
func (s *Server) once(ctx huma.Context, next func(huma.Context)) {
	key := ctx.Header(idempotencyHeader)
	if may, _ := ctx.Operation().Metadata[metaOnce].(bool); !may || key == "" {
		next(ctx)
		return
	}
	if len(key) > maxKey || strings.TrimFunc(key, func(r rune) bool { return r > ' ' && r < 0x7f }) != "" {
		s.refuse(ctx, invalid("header."+idempotencyHeader, "is not 1 to %d printable characters without spaces", maxKey))
		return
	}
	r, _ := humachi.Unwrap(ctx)
	sent, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), maxBody+1))
	if err != nil {
		s.refuse(ctx, newProblem(http.StatusBadRequest, "", "the body could not be read: "+err.Error()))
		return
	}
	who := callerOf(ctx.Context())
	claim, before, err := s.store.Idempotency.Claim(ctx.Context(), string(who.kind)+":"+who.id, key, requestHash(r, sent))
	switch {
	case errors.Is(err, statestore.ErrConflict):
		s.refuse(ctx, invalid("header."+idempotencyHeader, "was used for another request; take a new one"))
	case err != nil:
		s.refuse(ctx, err)
	case claim == nil:
		s.replay(ctx, before)
	default:
		s.carryOut(ctx, next, claim, io.MultiReader(bytes.NewReader(sent), ctx.BodyReader()))
	}
}

// requestHash is of all that makes a request what it is.
func requestHash(r *http.Request, body []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", r.Method, r.URL.RequestURI(), r.Header.Get("If-Match"))
	h.Write(body)
	return h.Sum(nil)
}

// replay gives the first answer again.
func (s *Server) replay(ctx huma.Context, before statestore.Answered) {
	if before.Answer == nil {
		p := newProblem(http.StatusConflict, "in_progress", "the first request with this Idempotency-Key is still carried out; ask again in a moment")
		if before.Object != "" {
			p.Detail = fmt.Sprintf("the first request with this Idempotency-Key has changed %s %s and is about to be answered; should its answer be lost, look that up",
				before.Object, before.ObjectID)
		}
		p.retryAfter(claimRetry)
		s.refuse(ctx, p)
		return
	}
	for name, values := range before.Answer.Headers {
		for _, v := range values {
			ctx.AppendHeader(name, v)
		}
	}
	ctx.SetHeader(replayedHeader, "true")
	ctx.SetStatus(before.Answer.Status)
	_, _ = ctx.BodyWriter().Write(before.Answer.Body) // a client that left may ask again
}

// carryOut answers a request, and keeps the answer when it was one of success.
func (s *Server) carryOut(ctx huma.Context, next func(huma.Context), claim *statestore.Claim, body io.Reader) {
	kept := &keptContext{humaContext: huma.WithValue(ctx, claimCtx, claim), body: body, headers: http.Header{}, status: http.StatusOK}
	done := false
	defer func() {
		// Also after a panic, and when the sender has left: the claim must not outlive its request.
		store, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), answerTime)
		defer cancel()
		var err error
		if done && kept.status < http.StatusBadRequest {
			err = s.store.Idempotency.Answer(store, claim, statestore.Answer{Status: kept.status, Headers: kept.headers, Body: kept.answer.Bytes()})
		} else {
			err = s.store.Idempotency.Free(store, claim)
		}
		if err != nil {
			s.log.WarnContext(store, "answer to a request with an idempotency key was not kept", "request", requestID(ctx.Context()), "error", err)
		}
	}()
	next(kept)
	done = true
}

// humaContext is embedded under another name than that of its method Context.
type humaContext = huma.Context

// keptContext notes an answer on its way out.
type keptContext struct {
	humaContext
	body    io.Reader
	headers http.Header
	status  int
	answer  bytes.Buffer
}

// Unwrap is huma's way to the request.
func (k *keptContext) Unwrap() huma.Context { return k.humaContext }

// BodyReader gives the body that was read for its hash once more.
func (k *keptContext) BodyReader() io.Reader { return k.body }

// SetStatus notes the status.
func (k *keptContext) SetStatus(code int) {
	k.status = code
	k.humaContext.SetStatus(code)
}

// SetHeader notes a header.
func (k *keptContext) SetHeader(name, value string) {
	k.headers.Set(name, value)
	k.humaContext.SetHeader(name, value)
}

// AppendHeader notes a header.
func (k *keptContext) AppendHeader(name, value string) {
	k.headers.Add(name, value)
	k.humaContext.AppendHeader(name, value)
}

// BodyWriter notes what is written.
func (k *keptContext) BodyWriter() io.Writer {
	return io.MultiWriter(&k.answer, k.humaContext.BodyWriter())
}

// claimOf is the claim under which a request is carried out; nil when it carries no Idempotency-Key.
func claimOf(ctx context.Context) *statestore.Claim {
	c, _ := ctx.Value(claimCtx).(*statestore.Claim)
	return c
}
