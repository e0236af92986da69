package loop

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachFailureIsSaidOnceUntilItIsAnotherOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		away, gone := errors.New("away"), errors.New("gone")
		steps, began := []error{away, away, gone, nil, gone, gone, away}, time.Now()
		var said []string
		Run(ctx, time.Second, func(context.Context) error {
			err := steps[0]
			if steps = steps[1:]; len(steps) == 0 {
				stop() // what fails by that is not said
			}
			return err
		}, func(err error) { said = append(said, err.Error()) })
		if !slices.Equal(said, []string{"away", "gone", "gone"}) || time.Since(began) != 6*time.Second {
			t.Errorf("said %q within %s", said, time.Since(began))
		}
	})
}
