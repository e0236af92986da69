package aws

import (
	"context"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/time/rate"

	"github.com/godwit/godwit/provisioner"
)

// budget keeps calls of one region within what EC2 gives an account, so that a
// burst of launches waits here rather than being refused there, and leaves half
// of the reads to whoever else uses the account. Attempts count, not calls.
//
// Sizes are EC2's own ("Request throttling for the Amazon EC2 API",
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html):
// bucket and refill per second are 100 and 20 for reads, 50 and 5 for changes, 5
// and 2 for RunInstances and StartInstances.
type budget struct {
	reads, changes, runs, starts *rate.Limiter
}

func newBudget(unlimited bool) *budget {
	if unlimited {
		none := rate.NewLimiter(rate.Inf, 0)
		return &budget{none, none, none, none}
	}
	return &budget{
		reads: rate.NewLimiter(10, 50), changes: rate.NewLimiter(5, 50),
		runs: rate.NewLimiter(2, 5), starts: rate.NewLimiter(2, 5),
	}
}

func (b *budget) of(operation string) *rate.Limiter {
	switch {
	case operation == "RunInstances":
		return b.runs
	case operation == "StartInstances":
		return b.starts
	case strings.HasPrefix(operation, "Describe"), strings.HasPrefix(operation, "Get"):
		return b.reads
	}
	return b.changes
}

// attach puts the budget before each attempt of a call.
func (b *budget) attach(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("GodwitBudget",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if err := provisioner.Turn(ctx, b.of(awsmiddleware.GetOperationName(ctx)), throttledFor); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleFinalize(ctx, in)
		}), "Retry", middleware.After)
}
