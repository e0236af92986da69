package azure

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/armsim"
)

// Launches of the same moment all see room in the prefix: Azure gives no address
// twice, and of those that it refuses, at once or later, nothing is left.
func TestPrefixIsGivenOutOnceWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	c := armsim.New(armsim.Options{Step: 20 * time.Millisecond})
	t.Cleanup(c.Close)
	c.Prefix("egress", armsim.Region, 4)
	p := connect(t, c)
	var group sync.WaitGroup
	errs := make([]error, 9)
	for n := range errs {
		group.Go(func() {
			_, errs[n] = p.Launch(t.Context(), request(fmt.Sprint(n), spec(t, map[string]any{"address_pool": "egress"})))
		})
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, provisioner.Capacity) || !strings.Contains(fmt.Sprint(provisioner.Refused(err)), "address pool egress"):
			t.Errorf("refused: %v", err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		all := c.Machines()
		if len(all) == made {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d were made, and there are %+v", made, len(errs), all)
		}
		time.Sleep(time.Millisecond) // until the simulator has ended what is ending
	}
	if left := c.Unused(); made != 4 || len(c.Held("egress")) != 4 || len(left) > 0 {
		t.Errorf("%d were made, addresses %v, left %v", made, c.Held("egress"), left)
	}
}

func TestValidateLooksForThePrefix(t *testing.T) {
	t.Parallel()
	p, c := setup(t)
	c.Prefix("egress", armsim.Region, 2)
	c.Prefix("away", "northeurope", 2)
	for name, fault := range map[string]bool{"egress": false, "away": true, "gone": true} {
		faults, err := p.Validate(t.Context(), spec(t, map[string]any{"address_pool": name}))
		if err != nil || fault != (len(faults) == 1 && faults[0].Field == "address_pool") {
			t.Errorf("%s: %v, %v", name, faults, err)
		}
	}
	_, err := p.Launch(t.Context(), request("1", spec(t, map[string]any{"address_pool": "gone"})))
	if !errors.Is(err, provisioner.InvalidTemplate) || provisioner.Field(err) != "address_pool" || len(c.Left()) > 0 {
		t.Errorf("launched from a prefix that is not there: %v, left %v", err, c.Left())
	}
}
