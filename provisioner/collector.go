package provisioner

import (
	"context"
	"time"
)

// Collector is what a Provider implements whose instances have parts that may
// outlive them: disks, interfaces, addresses.
type Collector interface {
	// Collect ends parts that carry the owner's tag, belong to no instance and are
	// older than age, and says which. Nothing without that tag is ever touched. With
	// an error, what was ended before it is told all the same.
	Collect(ctx context.Context, owner Owner, age time.Duration) (ended []string, err error)
}
