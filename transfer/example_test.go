package transfer_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/godwit/godwit/transfer"
)

// A job asks for a new spec whenever a session ends early, so it survives the
// death of any node.
func ExampleClient_Run() {
	ask := func(_ context.Context, a transfer.Attempt) (transfer.Spec, error) {
		// A real one asks the manager, telling it which node failed.
		b, err := os.ReadFile("spec.json")
		if err != nil {
			return transfer.Spec{}, fmt.Errorf("attempt %d: %w", a.Number, err)
		}
		return transfer.ParseSpec(b)
	}
	client := &transfer.Client{
		Specs: ask,
		OnEvent: func(e transfer.Event) {
			if e.Kind == transfer.EventProgress {
				fmt.Printf("%d of %d bytes, %v left\n", e.Progress.Bytes, e.Progress.Total, e.Progress.ETA().Round(time.Second))
			}
		},
	}
	result, err := client.Run(context.Background(), transfer.Job{
		Direction:   transfer.Push,
		Sources:     []string{"photos", "notes.txt"},
		Destination: "inbox/",
		Options:     transfer.Options{Rate: 500e6, Policy: transfer.Fair},
	})
	if err != nil {
		fmt.Println(transfer.CodeOf(err), err)
		return
	}
	fmt.Printf("%d files, %d failed\n", result.Files, len(result.Failed))
}
