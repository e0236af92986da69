// Package report is what nodes tell managers, several times a minute: one protobuf message per report, or several chunks when sessions are many.
//
// Reports are snapshots, not deltas: the loss of any number of them heals with the next. Both sides of the fleet share this package; it imports protobuf only.
package report

//go:generate ../../scripts/protoc.sh --go_out=. --go_opt=paths=source_relative report.proto

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
)

// Version of the format that this package writes.
const Version = 1

// Shards is the number of live streams. A node's shard follows from its id, so that adding managers never moves a node's subject.
const Shards = 4

// MaxChunk bounds one message on the wire, well below the server's limit of 1 MiB so that no report stalls the connection.
const MaxChunk = 64 << 10

// chunkSessions bounds the sessions of one chunk: about 250 bytes each keep it under MaxChunk.
const chunkSessions = 200

// Shard returns the live stream of a node.
func Shard(node string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(node))
	return int(h.Sum32() % Shards)
}

// Subject is where chunk of node's report is published.
func Subject(node string, chunk uint32) string {
	return "live." + strconv.Itoa(Shard(node)) + "." + node + "." + strconv.FormatUint(uint64(chunk), 10)
}

// NodeOf returns the node that subject belongs to. The fleet's permissions guarantee that only that node can have published there.
func NodeOf(subject string) (string, bool) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 || parts[0] != "live" {
		return "", false
	}
	return parts[2], true
}

// Split cuts a report into chunks that each fit a message. The chunks share the report's sessions; r must not change until they are marshalled.
func Split(r *Report) []*Report {
	n := max(1, (len(r.GetSessions())+chunkSessions-1)/chunkSessions)
	out := make([]*Report, n)
	for i := range out {
		c := &Report{
			Version: Version, NodeId: r.GetNodeId(), Boot: r.GetBoot(), BootUnixMs: r.GetBootUnixMs(), Seq: r.GetSeq(), AtUnixMs: r.GetAtUnixMs(),
			Chunk: uint32(i), Chunks: uint32(n), // n is small
			Sessions: r.GetSessions()[min(i*chunkSessions, len(r.GetSessions())):min((i+1)*chunkSessions, len(r.GetSessions()))],
		}
		if i == 0 {
			c.Facts = r.GetFacts()
		}
		out[i] = c
	}
	return out
}

// Parse reads one chunk that came under subject, and refuses one that speaks for another node or makes no sense.
func Parse(subject string, data []byte) (*Report, error) {
	node, ok := NodeOf(subject)
	if !ok {
		return nil, fmt.Errorf("report subject %q is malformed", subject)
	}
	var r Report
	if err := proto.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("report of %s: %w", node, err)
	}
	switch {
	case r.GetNodeId() != node:
		return nil, fmt.Errorf("report of %s claims to be of %q", node, r.GetNodeId())
	case r.GetVersion() == 0 || r.GetSeq() == 0 || r.GetBoot() == "":
		return nil, errors.New("report of " + node + " lacks version, sequence or boot")
	case r.GetChunks() == 0 || r.GetChunks() > 4096 || r.GetChunk() >= r.GetChunks():
		return nil, fmt.Errorf("report of %s has chunk %d of %d", node, r.GetChunk(), r.GetChunks())
	case r.GetChunk() == 0 && r.GetFacts() == nil:
		return nil, errors.New("report of " + node + " lacks its facts")
	}
	return &r, nil
}
