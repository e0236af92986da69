package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/fleettest"
	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/transfer"
)

func TestOneSessionMovesAndTheOthersStay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := r.start(func(b *join.Bootstrap) { b.ReceiveCapMbps = 20 }), r.start()
	source := file(t, 16<<20)
	begin := func(name string) (id string, done chan error) {
		id, client := r.transfer(transfer.Push, first)
		client.Specs = func(_ context.Context, a transfer.Attempt) (transfer.Spec, error) {
			if a.Reason == nil {
				return r.spec(id, transfer.Push, r.client, first), nil
			}
			if transfer.CodeOf(a.Reason) != transfer.CodeMoved {
				t.Errorf("%s goes elsewhere because of %v", name, a.Reason)
			}
			return r.spec(id, transfer.Push, r.client, second), nil
		}
		done = make(chan error, 1)
		go func() {
			_, err := client.Run(t.Context(), transfer.Job{Direction: transfer.Push, Sources: []string{source}, Destination: name + "/"})
			done <- err
		}()
		return id, done
	}
	mover, moved := begin("mover")
	_, stays := begin("stays")
	session := ""
	fleettest.Eventually(t, "both sessions under way", func() bool {
		v, _ := r.Fleet.Node(first.NodeID)
		for _, s := range v.Sessions {
			if s.GetBytesDone() < 100_000 {
				return false
			}
			if s.GetTransferId() == mover {
				session = s.GetId()
			}
		}
		return len(v.Sessions) == 2 && session != ""
	})
	asked, err := r.Fleet.Move(t.Context(), first.NodeID, command.MoveRequest{Sessions: []string{session, "gone"}, Reason: "crowded"})
	fleettest.Must(t, err)
	if asked != 1 {
		t.Errorf("%d sessions were asked, one was there", asked)
	}
	fleettest.Must(t, <-moved)
	fleettest.Must(t, <-stays)
	same(t, source, filepath.Join(r.storage, "mover", "footage.bin"))
	same(t, source, filepath.Join(r.storage, "stays", "footage.bin"))
	fleettest.Eventually(t, "history of the move, and of no other", func() bool {
		rows, err := r.Store.Transfers.Get(t.Context(), mover)
		fleettest.Must(t, err)
		return rows.State == statestore.TransferDone && rows.Moved == 1
	})
	if code := r.once(first); code != "" {
		t.Errorf("the node takes no new sessions after a move: %q", code)
	}
}
