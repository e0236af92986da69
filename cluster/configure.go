package cluster

import (
	"fmt"
	"strings"

	"github.com/godwit/godwit/statestore"
)

// refusals says which nodes refuse the configuration wanted, and why. A refusal
// of an earlier version is history. Empty: none does.
func (b *round) refusals() string {
	var names []string
	why := ""
	for _, n := range b.nodes {
		if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining {
			continue
		}
		report := b.reports[n.ID]
		if report == nil || report.ConfigError == "" || report.RefusedVersion != b.cluster.ConfigVersion {
			continue
		}
		if why == "" {
			why = report.ConfigError
		}
		names = append(names, n.Name)
	}
	if len(names) == 0 {
		return ""
	}
	if more := len(names) - namesTold; more > 0 {
		names = append(names[:namesTold], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("configuration %d is refused by %s: %s", b.cluster.ConfigVersion, strings.Join(names, ", "), why)
}
