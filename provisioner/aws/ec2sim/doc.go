// Package ec2sim is EC2 as hostile as it may be, on the wire: the Query protocol
// over HTTP, so that the real SDK encodes, signs, retries and decodes. It is for
// tests. It is a simulator, not an emulator: it knows the calls that the aws
// provider makes, and refuses every other.
//
// What it does on purpose, and where EC2's documentation says so (API = Amazon
// EC2 API Reference, Dev = Amazon EC2 Developer Guide, User = EC2 User Guide,
// all below https://docs.aws.amazon.com):
//
//	New instances are not found for a while,         Dev "Eventual consistency in the Amazon
//	by description and by id                         EC2 API"
//	pending → running, stopping → stopped,           User "Amazon EC2 instance state changes"
//	shutting-down → terminated; what is terminated
//	is still described for a while
//	A client token answers with the same instance,   Dev "Ensuring idempotency in Amazon EC2
//	to the same parameters; to others                API requests"
//	IdempotentParameterMismatch; it lasts beyond
//	the instance; the zone is part of it where a
//	subnet is named
//	Filters: values are alternatives, names all      API DescribeInstances, Filter; User "Filter
//	hold; * and ? match; case counts; an unknown     your resources"
//	name is an error; at most 200 values
//	MaxResults from 5 to 1000 and not beside ids;    API DescribeInstances
//	NextToken must be one that was given out
//	One unknown id fails the whole call              API TerminateInstances, StopInstances
//	Stop of what is pending, start of what is        API error codes, IncorrectInstanceState
//	stopping: IncorrectInstanceState
//	A one-time spot instance cannot be stopped       User "Stop a Spot Instance"
//	InsufficientInstanceCapacity with status 500     API error codes, server errors
//	Unsupported where a zone lacks the type          API error codes
//	VcpuLimitExceeded, MaxSpotInstanceCountExceeded  API error codes
//	RequestLimitExceeded with status 503             Dev "Request throttling"
//	User data over 16 KiB is refused                 User "Run commands at launch"
//	DryRunOperation with status 412                  API "Common query parameters", DryRun
//	UnauthorizedOperation without the right          API error codes
//	Tags of TagSpecifications exist with their       API TagSpecification
//	resource; of a spot request only when named
//	Volumes and interfaces outlive their instance    API EbsBlockDevice, DeleteOnTermination
//	unless DeleteOnTermination is set
//	A spot request is marked two minutes before      User "Spot Instance interruption notices"
//	its instance goes
//	Finished events stay, marked [Completed]         User "Scheduled events for your instances"
//	An Elastic IP address is given to what runs or   API AssociateAddress; error codes,
//	is stopped, not to what is pending               InvalidInstanceID, IncorrectInstanceState
//	AllowReassociation false: what something has is  API AssociateAddress; error codes,
//	refused; the same again is no error; an          Resource.AlreadyAssociated
//	instance that has one gives it up for another
//	It stays with what is stopped and is free when   User "Elastic IP addresses"
//	its instance is terminated; DescribeAddresses
//	shows both late
//	The answer is lost after the effect              any network
//
// What it cannot prove: that these pages were understood as EC2 means them. The
// same suite runs against moto, and, where an account is given, against EC2.
package ec2sim
