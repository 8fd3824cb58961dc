package main

import (
	"bytes"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

// Scenes are steps of several calls: where one needs what another answered, or where time matters.
var scenes map[string]func(p *program, number int64) string

// Set here, for they run steps that may be scenes.
func init() {
	scenes = map[string]func(p *program, number int64) string{
		"chosen lease": chosenLease,
		"short lease":  shortLease,
		"alarms":       alarms,
		"expiry":       expiry,
		"many keys":    manyKeys,
		"fragments":    fragments,
		"no watchers":  noWatchers,
	}
}

// chosenLease lets each member choose an id, and uses it there.
func chosenLease(p *program, number int64) string {
	grant := leaseRPC + "LeaseGrant"
	body := encode(&pb.LeaseGrantRequest{TTL: 100 + number})
	p.cov.request(grant, body)
	answers := p.both(func(_ int, s *server) *answer { return callUnary(s, grant, body, nil) })
	var ids [2]int64
	for i, a := range answers {
		var r pb.LeaseGrantResponse
		if len(a.messages) == 1 && proto.Unmarshal(a.messages[0], &r) == nil {
			if r.ID <= 0 {
				return fmt.Sprintf("%s chose the lease id %d", p.pair.sides[i].name, r.ID)
			}
			ids[i] = r.ID
		}
	}
	p.cov.outcome(answers[0])
	if ids[0] == 0 || ids[1] == 0 {
		return p.compare(grant, [][]byte{body}, answers)
	}
	shown := int64(-1_000_000_000 - len(p.aliases[0]))
	p.aliases[0][ids[0]], p.aliases[1][ids[1]] = shown, shown
	if diff := p.compare(grant, [][]byte{body}, answers); diff != "" {
		return diff
	}
	steps := []struct {
		path string
		make func(id int64) proto.Message
	}{
		{putPath, func(id int64) proto.Message { return &pb.PutRequest{Key: []byte("chosen"), Lease: id} }},
		{kv + "Range", func(int64) proto.Message { return &pb.RangeRequest{Key: []byte("chosen")} }},
		{leaseRPC + "LeaseTimeToLive", func(id int64) proto.Message { return &pb.LeaseTimeToLiveRequest{ID: id, Keys: true} }},
		{leaseRPC + "LeaseLeases", func(int64) proto.Message { return &pb.LeaseLeasesRequest{} }},
		{grant, func(id int64) proto.Message { return &pb.LeaseGrantRequest{ID: id, TTL: 77} }},
		{leaseRPC + "LeaseRevoke", func(id int64) proto.Message { return &pb.LeaseRevokeRequest{ID: id} }},
		{leaseRPC + "LeaseTimeToLive", func(id int64) proto.Message { return &pb.LeaseTimeToLiveRequest{ID: id} }},
	}
	for _, step := range steps {
		if step.path == putPath && p.seed%3 != 1 {
			continue // the id would be in the store, and HashKV's hash of it say nothing any more
		}
		p.tainted = p.tainted || step.path == putPath
		bodies := [2][]byte{encode(step.make(ids[0])), encode(step.make(ids[1]))}
		p.note("  " + step.path + " " + showRequest(step.path, bodies[0]))
		if _, diff := p.unaryEach(step.path, bodies, nil); diff != "" {
			return step.path + ": " + diff
		}
	}
	return ""
}

// alarms raises several at once, asks what they forbid, and lowers them.
func alarms(p *program, number int64) string {
	const path = maintenance + "Alarm"
	change := func(action pb.AlarmRequest_AlarmAction) string {
		for i := range int64(4) {
			r := &pb.AlarmRequest{Action: action, MemberID: uint64((number+i)%5) * 1000, Alarm: pb.AlarmType(1 + (number>>i)%2)}
			if _, diff := p.send(path, r); diff != "" {
				return diff
			}
		}
		return ""
	}
	if diff := change(pb.AlarmRequest_ACTIVATE); diff != "" {
		return diff
	}
	for _, ask := range []struct {
		path    string
		request proto.Message
	}{
		{path, &pb.AlarmRequest{}}, {path, &pb.AlarmRequest{Alarm: pb.AlarmType_NOSPACE}}, {maintenance + "Status", &pb.StatusRequest{}},
		{kv + "Compact", &pb.CompactionRequest{Revision: -1}},
		{kv + "Txn", &pb.TxnRequest{Failure: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte("a")}}}}}},
		{kv + "DeleteRange", &pb.DeleteRangeRequest{Key: []byte("nothing")}},
		{leaseRPC + "LeaseGrant", &pb.LeaseGrantRequest{TTL: 10_000_000_000, ID: 3}},
		{leaseRPC + "LeaseRevoke", &pb.LeaseRevokeRequest{ID: 123456}},
	} {
		if _, diff := p.send(ask.path, ask.request); diff != "" {
			return ask.path + ": " + diff
		}
	}
	return change(pb.AlarmRequest_DEACTIVATE)
}

const shortest = 2 * time.Second // the least that a lease lives, with the default election timeout

// shortLease grants what is raised to the least TTL, and revokes it before it ends.
func shortLease(p *program, number int64) string {
	began := time.Now()
	ttl := []int64{0, -1, 1, 2, -1 << 63}[number%5]
	const id = 777
	steps := []struct {
		path    string
		request proto.Message
	}{
		{leaseRPC + "LeaseGrant", &pb.LeaseGrantRequest{ID: id, TTL: ttl}},
		{putPath, &pb.PutRequest{Key: []byte("short"), Lease: id}},
		{leaseRPC + "LeaseTimeToLive", &pb.LeaseTimeToLiveRequest{ID: id, Keys: true}},
		{leaseRPC + "LeaseRevoke", &pb.LeaseRevokeRequest{ID: id}},
		{leaseRPC + "LeaseTimeToLive", &pb.LeaseTimeToLiveRequest{ID: id, Keys: true}},
	}
	for _, step := range steps {
		if _, ok := p.state.leases[id]; !ok && step.path == leaseRPC+"LeaseRevoke" && len(p.state.alarms) > 0 {
			continue
		}
		_, diff := p.send(step.path, step.request)
		if time.Since(began) > shortest/2 {
			p.tooSlow = true
			return ""
		}
		if diff != "" {
			return step.path + ": " + diff
		}
	}
	if _, still := p.state.leases[id]; still {
		p.tooSlow = true // an alarm forbids to revoke it: it will end in the midst of something else
	}
	return ""
}

// expiry waits for a lease to end: its keys go in one revision, in their order.
func expiry(p *program, number int64) string {
	const id, stream = 778, 50
	if len(p.state.alarms) > 0 {
		return ""
	}
	if diff := p.openWatch(stream); diff != "" {
		return diff
	}
	watcher := &pb.WatchCreateRequest{Key: []byte("expire/"), RangeEnd: []byte("expire0"), PrevKv: true, WatchId: 1}
	if diff := p.sendWatch(p.streams[stream], encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: watcher}})); diff != "" {
		return diff
	}
	if _, diff := p.send(leaseRPC+"LeaseGrant", &pb.LeaseGrantRequest{ID: id, TTL: number % 3}); diff != "" {
		return diff
	}
	for _, key := range []string{"expire/b", "expire/c", "expire/a"} {
		if _, diff := p.send(putPath, &pb.PutRequest{Key: []byte(key), Lease: id}); diff != "" {
			return diff
		}
	}
	ended := p.state.revision + 1
	if !p.await(p.streams[stream], func(w *watchSide) bool { return w.events[1] >= ended }) {
		return p.late(p.streams[stream], "end of a lease")
	}
	p.state.revision = ended
	delete(p.state.leases, id)
	for _, r := range []proto.Message{&pb.LeaseTimeToLiveRequest{ID: id, Keys: true}} {
		if _, diff := p.send(leaseRPC+"LeaseTimeToLive", r); diff != "" {
			return diff
		}
	}
	if _, diff := p.send(kv+"Range", &pb.RangeRequest{Key: []byte("expire/"), RangeEnd: []byte("expire0")}); diff != "" {
		return diff
	}
	return p.watch(&watchStep{act: "close", stream: stream})
}

// manyKeys makes a range that a stream sends in several parts.
func manyKeys(p *program, number int64) string {
	size := []int{1, 300, 4000}[number%3]
	for part := range 4 {
		t := &pb.TxnRequest{}
		for i := range 120 {
			t.Success = append(t.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{
				Key: fmt.Appendf(nil, "many/%d%03d", part, i), Value: bytes.Repeat([]byte{byte('a' + i%26)}, size+i%7)}}})
		}
		if _, diff := p.send(kv+"Txn", t); diff != "" {
			return diff
		}
	}
	reads := []*pb.RangeRequest{{}, {Limit: 10}, {Limit: 11}, {Limit: 250}, {CountOnly: true}, {KeysOnly: true}, {KeysOnly: true, Limit: 479},
		{Limit: 480}, {Limit: 481}, {Revision: p.state.revision - 1}, {Revision: p.state.revision - 2, Limit: 300}}
	for _, r := range reads {
		r.Key, r.RangeEnd = []byte("many/"), []byte("many0")
		if diff := p.run(&op{kind: streamOp, path: rangeStreamPath, bodies: [][]byte{encode(r)}}); diff != "" {
			return showRequest(rangeStreamPath, encode(r)) + "\n" + diff
		}
		r.SortTarget, r.SortOrder = pb.RangeRequest_SortTarget(number%5), pb.RangeRequest_SortOrder(number%3)
		if _, diff := p.send(kv+"Range", r); diff != "" {
			return showRequest(kv+"Range", encode(r)) + "\n" + diff
		}
	}
	_, diff := p.send(kv+"DeleteRange", &pb.DeleteRangeRequest{Key: []byte("many/"), RangeEnd: []byte("many0"), PrevKv: number%2 == 0})
	return diff
}

// Of this stream alone it is compared whether answers came in fragments: it never catches up, where answers grow.
const fragmentsStream = 51

// fragments makes events that are larger than a response may be, for a watcher that asks for parts and one that does not.
func fragments(p *program, number int64) string {
	const stream = fragmentsStream
	if diff := p.openWatch(stream); diff != "" {
		return diff
	}
	for id, inParts := range []bool{false, true} {
		c := &pb.WatchCreateRequest{Key: []byte("part/"), RangeEnd: []byte("part0"), PrevKv: true, WatchId: int64(id + 1), Fragment: inParts}
		if diff := p.sendWatch(p.streams[stream], encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: c}})); diff != "" {
			return diff
		}
	}
	for round := range 2 {
		t := &pb.TxnRequest{}
		for i := range 7 {
			t.Success = append(t.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{
				Key: fmt.Appendf(nil, "part/%d", i), Value: bytes.Repeat([]byte{byte(round)}, 200000+int(number))}}})
		}
		if _, diff := p.send(kv+"Txn", t); diff != "" {
			return diff
		}
		// So that no side falls behind: the headers of what is caught up are later ones.
		if diff := p.settle(p.streams[stream]); diff != "" {
			return diff
		}
	}
	if _, diff := p.send(kv+"DeleteRange", &pb.DeleteRangeRequest{Key: []byte("part/"), RangeEnd: []byte("part0")}); diff != "" {
		return diff
	}
	return p.watch(&watchStep{act: "close", stream: stream})
}

// noWatchers asks for progress where nobody watches, then watches.
func noWatchers(p *program, _ int64) string {
	const number = 52
	stream, diff := p.openSides()
	if diff != "" {
		return diff
	}
	stream.number = number
	p.streams[number] = stream
	for _, body := range [][]byte{progressRequest, {}, cancelRequest(5)} {
		if diff := p.sendBoth(stream, body); diff != "" {
			return diff
		}
	}
	create := encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{Key: []byte(anchorKey), WatchId: anchorID}}})
	if diff := p.sendWatch(stream, create); diff != "" {
		return diff
	}
	var told [2]int
	for i, side := range stream.sides {
		side.is(func() bool { told[i] = len(side.progress); return true })
	}
	if told[0] != told[1] {
		return fmt.Sprintf("progress without watchers is answered %d and %d times", told[0], told[1])
	}
	return p.watch(&watchStep{act: "close", stream: number})
}
