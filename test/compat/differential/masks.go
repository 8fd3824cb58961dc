package main

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Masks name what two answers may differ in. Each was needed between two runs of real etcd, which --self counts, or
// is one of those that hold by intent, whether runs happened to differ or not. All else that differs is a bug.
type mask struct {
	name     string
	reason   string
	byIntent bool
	// apply makes both messages equal in what the mask covers. `request` is nil where it is not known.
	apply func(p *program, request, a, b proto.Message)
}

var masks = []*mask{
	{name: "raft-index", byIntent: true, apply: maskRaftIndex,
		reason: "Status.raftIndex and raftAppliedIndex count log entries: how a member is built, not what it holds"},
	{name: "size", apply: maskSize, reason: "Status.dbSize and dbSizeInUse are file pages, given out by a timer's commits"},
	{name: "hash", apply: maskHash,
		reason: "Hash.hash covers the backend's file, which Quorate does not have; compared in shape"},
	{name: "compaction-hash", byIntent: true, apply: maskCompactionHash,
		reason: "the hash noted at a compaction is kept only if the one before had ended: HashKV of that revision races with it"},
	{name: "ttl", byIntent: true, apply: maskTTL, reason: "the remaining seconds of a lease, where both are between 0 and the granted"},
	{name: "lease-order", byIntent: true, apply: sortLeases, reason: "leases are listed by what is left of them, by clocks that are not the same"},
	{name: "lease-keys-order", apply: sortLeaseKeys, reason: "the keys of TimeToLive come out of a Go map"},
	{name: "alarm-order", apply: sortAlarms, reason: "alarms come out of Go maps"},
	{name: "member-chosen-id", apply: aliasLeases, reason: "a lease id that the member chose is made of its clock"},
	{name: "equal-sort-keys", byIntent: true, apply: sortEqualKeys,
		reason: "Go's sort keeps no order among equals above 12 elements, though one program does it always alike"},
	{name: "go-text", byIntent: true, reason: "Go's protobuf library writes one space or two, plain or not, by a hash of the program"},
	{name: "check-order", reason: "the checks of /readyz?verbose come out of a Go map"},
}

var (
	maskMu    sync.Mutex
	maskCount = map[string]int{}
)

func maskUsed(name string) {
	maskMu.Lock()
	maskCount[name]++
	maskMu.Unlock()
}

// sameMessage compares two messages, unknown fields included, under the masks, and counts those that were needed.
func (p *program) sameMessage(path string, request proto.Message, a, b proto.Message) bool {
	if proto.Equal(a, b) {
		return true
	}
	same := func(without int) bool {
		x, y := proto.Clone(a), proto.Clone(b)
		for i, m := range masks {
			if i != without && m.apply != nil {
				m.apply(p, request, x, y)
			}
		}
		return proto.Equal(x, y)
	}
	if !same(-1) {
		return false
	}
	for i, m := range masks {
		if m.apply != nil && !same(i) {
			maskUsed(m.name)
		}
	}
	return true
}

var blanks = regexp.MustCompile(`[ \x{a0}]+`)

func (p *program) sameText(a, b string) bool {
	if a == b {
		return true
	}
	if blanks.ReplaceAllString(a, " ") == blanks.ReplaceAllString(b, " ") {
		maskUsed("go-text")
		return true
	}
	return false
}

func (p *program) sameLines(a, b string) bool {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	sort.Strings(x)
	sort.Strings(y)
	if !slices.Equal(x, y) || !strings.HasPrefix(a, "[") {
		return false
	}
	maskUsed("check-order")
	return true
}

func maskRaftIndex(_ *program, _, a, b proto.Message) {
	x, ok := a.(*pb.StatusResponse)
	if !ok {
		return
	}
	for _, s := range []*pb.StatusResponse{x, b.(*pb.StatusResponse)} {
		if s.RaftIndex >= s.RaftAppliedIndex && s.RaftAppliedIndex > 0 {
			s.RaftIndex, s.RaftAppliedIndex = 1, 1
		}
	}
}

func maskSize(_ *program, _, a, b proto.Message) {
	x, ok := a.(*pb.StatusResponse)
	if !ok {
		return
	}
	for _, s := range []*pb.StatusResponse{x, b.(*pb.StatusResponse)} {
		if s.DbSize > 0 && s.DbSizeInUse > 0 && s.DbSizeInUse <= s.DbSize {
			s.DbSize, s.DbSizeInUse = 1, 1
		}
	}
}

func maskHash(_ *program, _, a, b proto.Message) {
	if x, ok := a.(*pb.HashResponse); ok {
		for _, h := range []*pb.HashResponse{x, b.(*pb.HashResponse)} {
			if h.Hash != 0 {
				h.Hash = 1
			}
		}
	}
}

func maskCompactionHash(p *program, _, a, b proto.Message) {
	x, ok := a.(*pb.HashKVResponse)
	if y, also := b.(*pb.HashKVResponse); ok && also && x.HashRevision == p.state.compacted && y.HashRevision == x.HashRevision {
		x.Hash, x.CompactRevision = y.Hash, y.CompactRevision
	}
}

func maskTTL(_ *program, _, a, b proto.Message) {
	x, ok := a.(*pb.LeaseTimeToLiveResponse)
	if !ok {
		return
	}
	for _, t := range []*pb.LeaseTimeToLiveResponse{x, b.(*pb.LeaseTimeToLiveResponse)} {
		if t.TTL >= 0 && t.TTL <= t.GrantedTTL && t.GrantedTTL > 0 {
			t.TTL = 1
		}
	}
}

func sortLeases(_ *program, _, a, b proto.Message) {
	if x, ok := a.(*pb.LeaseLeasesResponse); ok {
		for _, l := range []*pb.LeaseLeasesResponse{x, b.(*pb.LeaseLeasesResponse)} {
			slices.SortFunc(l.Leases, func(s, t *pb.LeaseStatus) int { return cmp.Compare(s.ID, t.ID) })
		}
	}
}

func sortLeaseKeys(_ *program, _, a, b proto.Message) {
	if x, ok := a.(*pb.LeaseTimeToLiveResponse); ok {
		slices.SortFunc(x.Keys, bytes.Compare)
		slices.SortFunc(b.(*pb.LeaseTimeToLiveResponse).Keys, bytes.Compare)
	}
}

func sortAlarms(_ *program, _, a, b proto.Message) {
	for _, m := range []proto.Message{a, b} {
		switch r := m.(type) {
		case *pb.AlarmResponse:
			slices.SortFunc(r.Alarms, func(s, t *pb.AlarmMember) int {
				return cmp.Or(cmp.Compare(s.Alarm, t.Alarm), cmp.Compare(s.MemberID, t.MemberID))
			})
		case *pb.StatusResponse:
			for i := range r.Errors {
				if squeezed := blanks.ReplaceAllString(r.Errors[i], " "); squeezed != r.Errors[i] {
					r.Errors[i] = squeezed
				}
			}
			slices.Sort(r.Errors)
		}
	}
}

// aliasLeases puts one name for the ids that members chose in the same place of a program.
func aliasLeases(p *program, _, a, b proto.Message) {
	if len(p.aliases[0]) == 0 {
		return
	}
	if x, ok := a.(*pb.HashKVResponse); ok && p.tainted {
		x.Hash = b.(*pb.HashKVResponse).Hash
	}
	alias(a.ProtoReflect(), p.aliases[0])
	alias(b.ProtoReflect(), p.aliases[1])
	sortLeases(p, nil, a, b)
}

func alias(m protoreflect.Message, names map[int64]int64) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.Kind() == protoreflect.MessageKind && field.IsList():
			for i := range value.List().Len() {
				alias(value.List().Get(i).Message(), names)
			}
		case field.Kind() == protoreflect.MessageKind:
			alias(value.Message(), names)
		case field.Kind() == protoreflect.Int64Kind && !field.IsList():
			if name := field.Name(); name == "ID" || name == "lease" {
				if shown, ok := names[value.Int()]; ok {
					m.Set(field, protoreflect.ValueOfInt64(shown))
				}
			}
		}
		return true
	})
}

// sortEqualKeys puts what has equal sort keys into key order, in the request's answer and in those of a transaction.
func sortEqualKeys(_ *program, request, a, b proto.Message) {
	switch r := request.(type) {
	case *pb.RangeRequest:
		if x, ok := a.(*pb.RangeResponse); ok {
			sortEqualRange(r, x, b.(*pb.RangeResponse))
		}
	case *pb.TxnRequest:
		if x, ok := a.(*pb.TxnResponse); ok {
			sortEqualTxn(r, x, b.(*pb.TxnResponse))
		}
	}
}

func sortEqualTxn(request *pb.TxnRequest, a, b *pb.TxnResponse) {
	branch := request.Failure
	if a.Succeeded {
		branch = request.Success
	}
	if a.Succeeded != b.Succeeded || len(branch) != len(a.Responses) || len(branch) != len(b.Responses) {
		return
	}
	for i, op := range branch {
		if r, x, y := op.GetRequestRange(), a.Responses[i].GetResponseRange(), b.Responses[i].GetResponseRange(); r != nil && x != nil && y != nil {
			sortEqualRange(r, x, y)
		}
		if t, x, y := op.GetRequestTxn(), a.Responses[i].GetResponseTxn(), b.Responses[i].GetResponseTxn(); t != nil && x != nil && y != nil {
			sortEqualTxn(t, x, y)
		}
	}
}

const stableElements = 12 // Go sorts so many by insertion

func sortEqualRange(r *pb.RangeRequest, a, b *pb.RangeResponse) {
	if a.Count <= stableElements || r.SortTarget == pb.RangeRequest_KEY {
		return
	}
	x, y := sortKeys(r, a.Kvs), sortKeys(r, b.Kvs)
	if !slices.Equal(x, y) {
		return
	}
	for begin := 0; begin < len(x); {
		end := begin + 1
		for end < len(x) && x[end] == x[begin] {
			end++
		}
		byKey := func(s, t *mvccpb.KeyValue) int { return bytes.Compare(s.Key, t.Key) }
		slices.SortFunc(a.Kvs[begin:end], byKey)
		slices.SortFunc(b.Kvs[begin:end], byKey)
		// Which of the equals the limit lets in is any as well.
		if end == len(x) && a.More && b.More {
			for i := begin; i < end; i++ {
				b.Kvs[i] = a.Kvs[i]
			}
		}
		begin = end
	}
}

// sortKeys are what the pairs were sorted by; a value that keys_only left out is the same for all.
func sortKeys(r *pb.RangeRequest, kvs []*mvccpb.KeyValue) []string {
	var keys []string
	for _, kv := range kvs {
		switch r.SortTarget {
		case pb.RangeRequest_VERSION:
			keys = append(keys, fmt.Sprint(kv.Version))
		case pb.RangeRequest_CREATE:
			keys = append(keys, fmt.Sprint(kv.CreateRevision))
		case pb.RangeRequest_MOD:
			keys = append(keys, fmt.Sprint(kv.ModRevision))
		default:
			keys = append(keys, string(kv.Value))
		}
	}
	return keys
}

// printMasks tells how often each was needed in this run.
func printMasks() {
	fmt.Println("mask                needed   why")
	for _, m := range masks {
		kind := "etcd differs from itself"
		if m.byIntent {
			kind = "by intent"
		}
		fmt.Printf("%-18s %7d   %s: %s\n", m.name, maskCount[m.name], kind, m.reason)
	}
}
