// Package gcesim is a simulator of the part of the Compute Engine API that the
// provider gcp uses, over the wire: the real client encodes, sends and decodes.
// It is hostile by design; a test sets how much. It is no emulator: it knows only
// the rules below, each from Google's reference, and what the reference does not
// say it does not prove.
//
//	rule                                                            source
//	a name is taken once in a zone; the second insert is 409        v1/instances/insert, v1/errors (RESOURCE_ALREADY_EXISTS)
//	names, labels, metadata have their forms and sizes              resource-naming; labeling-resources#requirements; metadata/setting-custom-metadata#limitations
//	a requestId repeated answers with the first operation           v1/instances/insert (requestId)
//	changes are operations: PENDING, RUNNING, DONE                  v1/zoneOperations (status)
//	failures after acceptance are in error.errors[] of the          v1/zoneOperations (error, httpErrorStatusCode)
//	  operation, with httpErrorStatusCode
//	zoneOperations.wait answers when DONE, or earlier, not DONE     v1/zoneOperations/wait
//	PROVISIONING, STAGING, RUNNING, STOPPING, TERMINATED            instances/instance-life-cycle
//	deleting an instance deletes its auto-delete disks              v1/instances/delete; v1/instances (disks[].autoDelete)
//	spot needs automaticRestart off; it is stopped or deleted       instances/spot#spot-vs-preemptible; instances/create-use-spot
//	  as instanceTerminationAction says
//	a zone that is out of a type: ZONE_RESOURCE_POOL_EXHAUSTED      troubleshooting/troubleshooting-resource-availability
//	quotas are of a region, spot has its own: QUOTA_EXCEEDED        resource-usage; v1/regions (quotas[])
//	natIP is a static external address of the region, unused, of     v1/instances (networkInterfaces[].accessConfigs[])
//	  the tier that is said; else insert is refused, or fails
//	an address in use has users, is IN_USE, and RESERVED again       v1/addresses (status, users[])
//	  when its instance is deleted; a stopped one keeps it           ip-addresses/configure-static-external-ip-address
//	too many requests: 403 rateLimitExceeded or 429                 api/rate-limits; v1/errors (RATE_LIMIT_EXCEEDED)
//	lists page by pageToken, a page may be empty; scopes that do    v1/instances/aggregatedList; apis/docs/system-parameters (field mask)
//	  not answer are warnings, not errors
//	a new instance may be missing in lists for a while              assumed: the reference promises nothing
//	serial output: the last bytes by a negative start               v1/instances/getSerialPortOutput (start)
//	each method wants its permissions                               v1/instances/insert (IAM permissions) and the like
//
// Sources are below https://cloud.google.com/compute/docs/ and
// https://cloud.google.com/compute/docs/reference/rest/.
package gcesim
