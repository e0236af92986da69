package zonesim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
)

// Direct is the zone as a service without a protocol, for what is tested above it.
func Direct(z *Zone, l dns.Limits) dns.Service { return direct{z, l} }

type direct struct {
	z      *Zone
	limits dns.Limits
}

func (d direct) Limits() dns.Limits { return d.limits }

// begin counts a call; lost says that its answer will not be had.
func (d direct) begin(op string) (lost bool, err error) {
	switch d.z.Called(op) {
	case Throttled:
		return false, &provisioner.Error{Class: provisioner.Throttled, Op: op}
	case Broken:
		return false, &provisioner.Error{Class: provisioner.Transient, Op: op, Err: errors.New("out of order")}
	case Lost:
		return true, nil
	case None:
	}
	if d.z.Gone() {
		return false, &provisioner.Error{Class: provisioner.NotFound, Op: op, Subject: d.z.apex, Err: errors.New("there is no such zone")}
	}
	return false, nil
}

var errLost = &provisioner.Error{Class: provisioner.Transient, Op: "call", Err: errors.New("the connection was lost")}

func (d direct) Apex(context.Context) (string, error) {
	lost, err := d.begin("Apex")
	if lost {
		err = errLost
	}
	return d.z.apex, err
}

func (d direct) Sets(context.Context) ([]dns.Set, error) {
	lost, err := d.begin("Sets")
	if lost {
		err = errLost
	}
	return d.z.List(), err
}

func (d direct) Apply(_ context.Context, swaps []dns.Swap) error {
	lost, err := d.begin("Apply")
	if err != nil {
		return err
	}
	var removed, added []dns.Set
	values := 0
	for _, s := range swaps {
		if s.Old != nil {
			removed, values = append(removed, *s.Old), values+len(s.Old.Values)
		}
		if s.New != nil {
			added, values = append(added, *s.New), values+len(s.New.Values)
			if l := d.limits.Values; l > 0 && len(s.New.Values) > l || slices.Contains(s.New.Values, "") {
				return fmt.Errorf("%d values of %s", len(s.New.Values), s.New.Name)
			}
		}
	}
	if l := d.limits; l.BatchSets > 0 && len(removed)+len(added) > l.BatchSets || l.BatchValues > 0 && values > l.BatchValues {
		return fmt.Errorf("a batch of %d sets and %d values", len(removed)+len(added), values)
	}
	if err := d.z.Change(removed, added); err != nil {
		return fmt.Errorf("%w: %w", dns.ErrConflict, err)
	}
	if lost {
		return errLost
	}
	return nil
}
