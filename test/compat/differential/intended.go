package main

import (
	"fmt"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// intendedDifferences are those that stand in docs/TESTING.md, by the same names. Others fail.
var intendedDifferences = []struct {
	name string
	is   func(o *op, a, b *answer) bool
}{
	// A target that sorts nothing by an order: etcd goes on after the last of a sorted part, and loses and repeats keys;
	// cut by a limit, it counts from that key on as well.
	{"RangeStream in parts by a target", func(o *op, a, b *answer) bool {
		var r pb.RangeRequest
		if o.path != rangeStreamPath || a.code != codes.OK || b.code != codes.OK || proto.Unmarshal(o.bodies[0], &r) != nil {
			return false
		}
		return r.SortTarget != pb.RangeRequest_KEY && r.SortOrder == pb.RangeRequest_NONE && (len(a.messages) > 1 || len(b.messages) > 1 || r.Limit > 0)
	}},
}

var (
	intendedMu    sync.Mutex
	intendedCount = map[string]int{}
)

// intended tells whether a difference is one of those, and counts it.
func intended(o *op, a, b *answer) bool {
	for _, d := range intendedDifferences {
		if d.is(o, a, b) {
			intendedMu.Lock()
			intendedCount[d.name]++
			intendedMu.Unlock()
			return true
		}
	}
	return false
}

func printIntended() {
	for _, d := range intendedDifferences {
		fmt.Printf("%8d  intended difference: %s\n", intendedCount[d.name], d.name)
	}
}
