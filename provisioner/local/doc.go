// Package local launches transfer nodes as processes of this computer. It is
// the default provider, and what the demo and most end-to-end tests run on:
// the same node program, the same join, the same end, without a cloud.
//
// What an instance is:
//
//	DIR/instances/<id>/instance.json   owner tag, node, client token, process
//	DIR/instances/<id>/bootstrap.json  what the node is told (0600)
//	DIR/instances/<id>/data/           the node's own directory
//	DIR/logs/<id>.log                  its console; outlives the instance
//	DIR/lease                          touched while a manager lives
//
// An instance is a session of its own (setsid), holds no pipe of the manager,
// and so goes on when the manager is killed. The next manager finds it by its
// directory and by process id plus start time, which no recycled id can fake.
// The tag is on disk before the process starts and the process carries the
// instance's id in its environment; thus a manager that dies between any two
// steps leaves nothing that List and Terminate can't find.
//
// When the manager is gone for good nobody touches the lease, and the nodes,
// which are told of the file, leave by themselves.
package local
