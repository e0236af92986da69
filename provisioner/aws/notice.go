package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
)

// spotWarning is how long before it takes a spot instance EC2 marks its request
// ("Spot Instance interruption notices", EC2 user guide).
const spotWarning = 2 * time.Minute

// spotMarks are the status codes of a spot request whose instance is about to
// be taken ("Spot request status codes", EC2 user guide).
var spotMarks = []string{"marked-for-termination", "marked-for-stop", "marked-for-termination-by-experiment", "marked-for-stop-by-experiment"}

// eventCodes are the scheduled events that disturb what runs ("Scheduled events
// for your instances", EC2 user guide): all that there are.
var eventCodes = []string{
	string(types.EventCodeInstanceReboot), string(types.EventCodeSystemReboot), string(types.EventCodeSystemMaintenance),
	string(types.EventCodeInstanceRetirement), string(types.EventCodeInstanceStop),
}

// noticesOf returns what EC2 warns of, by its own ids; asked for now and then.
// That EC2 does not say fails no list: the last word then holds.
func (p *Provider) noticesOf(ctx context.Context, r *region, installation string, found map[string]*types.Instance) map[string]provisioner.Notice {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := p.now()
	if now.Sub(r.asked) < p.noticesEvery {
		return r.notices
	}
	notices := map[string]provisioner.Notice{}
	for _, ask := range []func() error{
		func() error { return r.impaired(ctx, notices) },
		func() error { return r.events(ctx, notices) },
		func() error { return r.interruptions(ctx, installation, found, notices) }, // last: it weighs most
	} {
		if err := ask(); err != nil {
			p.log.Warn("instances' notices", "region", r.name, "err", cloud.Failure("notices", r.name, err))
			return r.notices
		}
	}
	r.asked, r.notices = now, notices
	return notices
}

// interruptions are spot's two minutes.
func (r *region) interruptions(ctx context.Context, installation string, found map[string]*types.Instance, notices map[string]provisioner.Notice) error {
	spot := false
	for _, seen := range found {
		spot = spot || seen.InstanceLifecycle == types.InstanceLifecycleTypeSpot
	}
	if !spot {
		return nil
	}
	pages := ec2.NewDescribeSpotInstanceRequestsPaginator(r.ec2, &ec2.DescribeSpotInstanceRequestsInput{Filters: []types.Filter{
		filter("status-code", spotMarks...), filter("tag:"+tagInstallation, installation),
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, asked := range page.SpotInstanceRequests {
			notice := provisioner.Notice{Kind: provisioner.Reclaimed, Text: "spot interruption"}
			if s := asked.Status; s != nil {
				notice.Text = "spot interruption, " + awssdk.ToString(s.Code)
				if s.UpdateTime != nil {
					notice.At = s.UpdateTime.UTC().Add(spotWarning)
				}
			}
			notices[awssdk.ToString(asked.InstanceId)] = notice
		}
	}
	return nil
}

// impaired are the machines whose checks by EC2 fail.
func (r *region) impaired(ctx context.Context, notices map[string]provisioner.Notice) error {
	for _, check := range []struct {
		filter, text string
		of           func(types.InstanceStatus) *types.InstanceStatusSummary
	}{
		{"instance-status.status", "the instance's status check fails", func(s types.InstanceStatus) *types.InstanceStatusSummary { return s.InstanceStatus }},
		{"system-status.status", "the status check of its host fails", func(s types.InstanceStatus) *types.InstanceStatusSummary { return s.SystemStatus }},
	} {
		err := r.statuses(ctx, filter(check.filter, string(types.SummaryStatusImpaired)), func(s types.InstanceStatus) {
			// Looked at again: an endpoint that knows no filter must not empty a cluster.
			if sum := check.of(s); sum != nil && sum.Status == types.SummaryStatusImpaired {
				notices[awssdk.ToString(s.InstanceId)] = provisioner.Notice{Kind: provisioner.Impaired, Text: check.text}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// events are scheduled maintenance.
func (r *region) events(ctx context.Context, notices map[string]provisioner.Notice) error {
	return r.statuses(ctx, filter("event.code", eventCodes...), func(s types.InstanceStatus) {
		for _, event := range s.Events {
			text := awssdk.ToString(event.Description)
			// EC2 keeps what is over for a week, and says so in front of its text.
			if strings.HasPrefix(text, "[Completed]") || strings.HasPrefix(text, "[Canceled]") {
				continue
			}
			notice := provisioner.Notice{Kind: provisioner.Maintenance, Text: fmt.Sprintf("%s: %s", event.Code, text)}
			if event.NotBefore != nil {
				notice.At = event.NotBefore.UTC()
			}
			id := awssdk.ToString(s.InstanceId)
			if first, ok := notices[id]; !ok || first.Kind != provisioner.Maintenance || notice.At.Before(first.At) {
				notices[id] = notice
			}
		}
	})
}

func (r *region) statuses(ctx context.Context, f types.Filter, each func(types.InstanceStatus)) error {
	pages := ec2.NewDescribeInstanceStatusPaginator(r.ec2, &ec2.DescribeInstanceStatusInput{Filters: []types.Filter{f}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.InstanceStatuses {
			each(s)
		}
	}
	return nil
}
