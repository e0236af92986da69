package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// The closed list of conditions that the reconciler raises.
const (
	conditionStuck       = "reconcile_failing"
	conditionProvider    = "provider_failing"
	conditionCredentials = "credentials_failing"
	conditionQuota       = "quota_reached"
	conditionCapacity    = "capacity_short"
	conditionTemplate    = "template_invalid"
	conditionLaunches    = "launches_failing"
	conditionMinimum     = "minimum_unreachable"
	conditionReports     = "reports_late"
	conditionClock       = "clock_wrong"
	conditionWarm        = "warm_pool_failing"
	conditionRecording   = "recording_failing"
	conditionRefused     = "configuration_refused"
	conditionNames       = "dns_failing"
	conditionNameTaken   = "dns_name_taken"
	conditionRollout     = "rollout_rolled_back"
	conditionCertificate = "certificate_failing"

	conditionCertificateEnds = "certificate_ending"
)

// nextSteps says what to do about each kind of condition.
var nextSteps = map[string]string{
	conditionStuck:       "Look at the manager's log for this cluster. Other clusters go on; this one is tried again with every step.",
	conditionProvider:    "Check that the provider can be reached from the manager and is up. Calls are repeated by themselves; running nodes go on.",
	conditionCredentials: "Give the manager valid credentials for the provider, with the rights to launch, list and end instances.",
	conditionQuota:       "Ask the provider for a higher quota, lower max_nodes, or end instances that something else runs in this account.",
	conditionCapacity:    "Add other instance types or zones to the template, or addresses to the pool that it names, or wait: the provider is asked again every few minutes.",
	conditionTemplate:    "Correct the template. The new version is tried at once.",
	conditionLaunches:    "Read the console output of a node that failed: nodes start and do not join. Usual causes are a wrong manager address, a firewall in between, or a wrong image.",
	conditionMinimum:     "Remove what holds launches back, raise max_nodes or lower min_available. New clients are served by the nodes that are there.",
	conditionReports:     "Check the network between these nodes and the manager, and the nodes themselves. Nodes that stay silent are replaced.",
	conditionClock:       "Have the machine's clock kept by NTP. Timers go right meanwhile, for they use the manager's own; times in logs are off.",
	conditionWarm:        "Read the console output of the node and look at it with the provider's own tools. It was replaced; warm_nodes 0 turns the warm pool off.",
	conditionRefused:     "Change the configuration back, or replace the nodes: an older release does not know all that a newer one can be told. They go on with what they had.",
	conditionNames:       "Check that the zone is there, that the manager's credentials may change it, and that the service can be reached. It is tried again by itself; nodes and clients that ask the manager go on.",
	conditionNameTaken:   "Remove the records that are there, if nobody needs them, or give the cluster another name in DNS (--dns-publish, name=). Nothing of them was changed.",
	conditionRollout:     "Read the console output of a node that failed, correct the template and start a rollout of the corrected version. To try the same version again, start a rollout once more.",
	conditionCertificate: "Check that the parent zone delegates to the zone of the names, that the authority can reach its servers (of --acme-http-cluster: port 80 of the nodes, which the names must lead to), that files of --node-certificate can be read, and what the authority says. It is tried again by itself; nodes keep the certificate that they have.",
	conditionRecording:   "Look at the manager's log. Scaling goes on; what-if and forecast lack this time.",

	conditionCertificateEnds: "See why it was not renewed (condition certificate_failing, the manager's log, whoever renews the files), or upload another one: godwit certificate set. Clients that look for the nodes by name refuse them once it has ended; those that ask the manager go on.",
}

// ConditionKinds are all kinds of conditions, in order of name.
func ConditionKinds() []string {
	kinds := make([]string, 0, len(nextSteps))
	for kind := range nextSteps {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

const (
	// blockLingers is how long the condition of a block outlives it: so long the
	// next attempt, which tells whether it is over, may take.
	blockLingers = 2 * time.Minute
	// fewFailures launches in a row that come to nothing are bad luck.
	fewFailures = 3
	// failuresTell is how long failures are worth telling when nobody tries again.
	failuresTell = 5 * time.Minute
	// clockTolerance is how far a node's clock may be off: travel time and a
	// drift that NTP has in hand.
	clockTolerance = 30 * time.Second
	// shortPatience is what a floor may be broken for at the least before that is
	// told: a launch takes its time.
	shortPatience = time.Minute
	// namesTold bounds the list of nodes in a text.
	namesTold = 5
)

// wantConditions says what an operator should know of a cluster now.
func (r *Reconciler) wantConditions(b *round) {
	f := b.memory.look()
	want := func(kind, subject, text string) { r.conditions.want(b.cluster.ID, kind, subject, text) }
	offered := menu(b.template)
	for _, o := range offered.Offerings {
		subject, k := o.Provider, f.Block
		if o.Name != "" {
			subject, k = o.Name, nil
			if known := f.Offers[o.Name]; known != nil {
				k = known.Block
			}
		}
		if k != nil && !k.Boots && b.now.Before(k.Until.Add(blockLingers)) && !k.excuses(b.template.ID, b.template.Version) {
			want(kindOf(k.Class), subject, k.Text)
		}
	}
	providers := offered.Providers()
	for _, n := range b.nodes {
		if !slices.Contains(providers, n.Provider) {
			providers = append(providers, n.Provider)
		}
	}
	for _, provider := range providers {
		if list := r.inventory.get(provider); list.Err != nil {
			want(kindOf(provisioner.ClassOf(list.Err)), provider, list.Err.Error())
		}
	}
	if f.Failed >= fewFailures && (b.plan.Capacity.Pending > 0 || b.now.Sub(f.FailedAt) < failuresTell) {
		want(conditionLaunches, "", fmt.Sprintf("%d launches in a row came to nothing, the last one: %s", f.Failed, f.FailedText))
	}
	if f.WarmText != "" && b.now.Sub(f.WarmAt) < failuresTell {
		want(conditionWarm, "", f.WarmText)
	}
	if off := r.config.ClockOff(); off.Abs() > clockTolerance {
		want(conditionClock, "manager", fmt.Sprintf("the clock of the manager's machine was set: it is %s of the time that Godwit reckons with, which follows slowly", ahead(off)))
	}
	if text := b.short(f); text != "" {
		want(conditionMinimum, "", text)
	}
	if text := b.refusals(); text != "" {
		want(conditionRefused, "", text)
	}
	if text := b.rolledBack(); text != "" {
		want(conditionRollout, "", text)
	}
	r.wantOfReports(b, want)
}

func kindOf(class provisioner.Class) string {
	switch class {
	case provisioner.Capacity:
		return conditionCapacity
	case provisioner.Quota:
		return conditionQuota
	case provisioner.Unauthorized:
		return conditionCredentials
	case provisioner.InvalidTemplate, provisioner.Unsupported, provisioner.NotFound:
		return conditionTemplate
	case provisioner.Throttled, provisioner.Transient:
	}
	return conditionProvider
}

// short says that the floor has been broken for longer than a launch takes, and
// what holds launches back. Empty: it holds, or has not been broken for long.
func (b *round) short(f facts) string {
	if f.ShortSince.IsZero() || b.cluster.Paused {
		return ""
	}
	boot := time.Duration(f.bootS()) * time.Second
	patience := min(max(2*boot, shortPatience), time.Duration(b.policy.LaunchTimeoutS)*time.Second)
	if b.now.Sub(f.ShortSince) < patience {
		return ""
	}
	c := b.plan.Capacity
	text := fmt.Sprintf("%d of at least %d nodes are available since %s",
		c.Available, c.MinAvailable, f.ShortSince.Format("15:04:05 MST"))
	for _, reason := range b.plan.Reasons {
		switch reason.Code {
		case policy.CodeMaxReached, policy.CodeLaunchLimited, policy.CodeLaunchBlocked, policy.CodeLaunchErrors, policy.CodeDrainWaits:
			text += "; " + reason.Text
		}
	}
	return text
}

// wantOfReports tells of nodes that are late and of those whose clock is off.
func (r *Reconciler) wantOfReports(b *round, want func(kind, subject, text string)) {
	patience := time.Duration(b.policy.ReportTimeoutS) * time.Second / 2
	var late []string
	var longest time.Duration
	for _, n := range b.nodes {
		report, heard := b.reports.of(n.ID)
		if n.State == statestore.NodeTerminating || n.State == statestore.NodeStopped {
			continue
		}
		if skew := report.Skew; heard && (skew > clockTolerance || skew < -clockTolerance) {
			want(conditionClock, n.Name, fmt.Sprintf("the clock of %s is %s", n.Name, ahead(skew)))
		}
		if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining && n.State != statestore.NodeLost {
			continue
		}
		last := r.listening
		for _, at := range []time.Time{report.At, n.StateSince} {
			if (heard || n.State != statestore.NodeLost) && at.After(last) {
				last = at
			}
		}
		if n.LastReportAt != nil && n.LastReportAt.After(last) {
			last = *n.LastReportAt
		}
		if silent := b.now.Sub(last); silent > patience {
			late, longest = append(late, n.Name), max(longest, silent)
		}
	}
	if len(late) == 0 {
		return
	}
	count := len(late)
	slices.Sort(late)
	if count > namesTold {
		late = append(late[:namesTold], fmt.Sprintf("%d more", count-namesTold))
	}
	// Rounded, or every step would say something else.
	want(conditionReports, "", fmt.Sprintf("no report for over %s from %s", longest.Truncate(15*time.Second), strings.Join(late, ", ")))
}

// ahead tells how far a clock is off, rounded so that it says the same from
// report to report.
func ahead(skew time.Duration) string {
	unit := 15 * time.Second
	for _, coarse := range []time.Duration{time.Minute, time.Hour} {
		if skew.Abs() > 10*coarse {
			unit = coarse
		}
	}
	if skew < 0 {
		return (-skew).Round(unit).String() + " behind"
	}
	return skew.Round(unit).String() + " ahead"
}
