package main

import (
	"math"
	"math/rand/v2"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// draw makes random requests, aimed at what is in the store by the state that the reference's answers told.
type draw struct {
	*rand.Rand
	p        *program
	compacts bool // else it may send what must not be compacted afterwards
}

func newDraw(p *program) *draw {
	return &draw{Rand: rand.New(rand.NewPCG(p.seed, 0x9e3779b97f4a7c15)), p: p, compacts: p.seed%5 != 3}
}

func (d *draw) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *draw, from ...T) T { return from[d.IntN(len(from))] }

var keyPool = [][]byte{
	[]byte("a"), []byte("a\x00"), []byte("aa"), []byte("ab"), []byte("b"), []byte("ba"), []byte("bb"), []byte("c"), []byte("d"),
	[]byte("d/1"), []byte("d/2"), []byte("d/3"), []byte("d/4"), []byte("d/5"), []byte("d/6"), []byte("d/7"), []byte("d/8"),
	[]byte("d/9"), []byte("e"), []byte("f"), []byte("\x00"), []byte("\x00\x00"), []byte("\xff"), []byte("\xff\xff"), []byte("z\xff"),
	[]byte("日本"),
}

func (d *draw) key() []byte {
	switch {
	case d.chance(2):
		return nil
	case d.chance(2):
		return d.bytes(1 + d.IntN(40))
	}
	return pick(d, keyPool...)
}

func (d *draw) bytes(size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(d.Uint32())
	}
	return out
}

func (d *draw) rangeEnd(key []byte) []byte {
	switch n := d.IntN(100); {
	case n < 45:
		return nil
	case n < 60:
		return toTheEnd
	case n < 75:
		end := append([]byte(nil), key...)
		for i := len(end) - 1; i >= 0; i-- {
			if end[i] < 0xff {
				end[i]++
				return end[:i+1]
			}
		}
		return toTheEnd
	case n < 78:
		return key
	}
	return d.key()
}

func (d *draw) value() []byte {
	switch n := d.IntN(100); {
	case n < 15:
		return nil
	case n < 70:
		return []byte(pick(d, "1", "2", "3", "x", "y", "long value", "\x00", "\xff"))
	case n < 98:
		return d.bytes(d.IntN(60))
	}
	return d.bytes(2000 + d.IntN(4000))
}

// revision is around what matters: the current one, the compacted one, nothing at all.
func (d *draw) revision() int64 {
	now, floor := d.p.state.revision, d.p.state.compacted
	switch n := d.IntN(100); {
	case n < 30:
		return now - int64(d.IntN(8))
	case n < 50:
		return floor + int64(d.IntN(4)) - 1
	case n < 60:
		return now + int64(d.IntN(3))
	case n < 70 && now > floor && floor >= 0:
		return floor + d.Int64N(now-floor+1)
	case n < 80:
		return int64(d.IntN(5)) - 2
	case n < 83:
		return pick[int64](d, math.MaxInt64, math.MinInt64, -1, math.MaxInt64-1)
	}
	return now
}

func (d *draw) limit() int64 {
	return pick[int64](d, 0, 1, 1, 2, 3, 5, 10, 11, 12, 13, 100, -1, math.MaxInt64, math.MaxInt64-1, math.MinInt64)
}

func (d *draw) rangeRequest(streamed bool) *pb.RangeRequest {
	r := &pb.RangeRequest{Key: d.key()}
	if d.chance(70) {
		r.RangeEnd = d.rangeEnd(r.Key)
	}
	if d.chance(15) {
		r.Key, r.RangeEnd = toTheEnd, toTheEnd
	}
	if d.chance(35) {
		r.Limit = d.limit()
	}
	if d.chance(30) {
		r.Revision = d.revision()
	}
	sorted, filtered := 40, 8
	if streamed {
		sorted, filtered = 6, 1
	}
	if d.chance(sorted) {
		r.SortOrder = pb.RangeRequest_SortOrder(d.IntN(3))
		r.SortTarget = pb.RangeRequest_SortTarget(d.IntN(5))
		if streamed && d.chance(40) {
			r.SortTarget = pb.RangeRequest_KEY
		}
	}
	if d.chance(2) {
		r.SortOrder = pb.RangeRequest_SortOrder(pick(d, -1, 3, 99, math.MaxInt32))
	}
	if d.chance(2) {
		r.SortTarget = pb.RangeRequest_SortTarget(pick(d, -1, 5, 99, math.MinInt32))
	}
	r.Serializable, r.KeysOnly, r.CountOnly = d.chance(30), d.chance(20), d.chance(12)
	for _, bound := range []*int64{&r.MinModRevision, &r.MaxModRevision, &r.MinCreateRevision, &r.MaxCreateRevision} {
		if d.chance(filtered) {
			*bound = d.revision()
		}
	}
	return r
}

func (d *draw) lease() int64 {
	if ids := sortedInts(d.p.state.leases); len(ids) > 0 && d.chance(80) {
		return ids[d.IntN(len(ids))]
	}
	return d.leaseID()
}

func (d *draw) leaseID() int64 {
	if d.chance(5) {
		return pick[int64](d, -1, math.MinInt64, math.MaxInt64, 1<<40, 0)
	}
	return int64(1 + d.IntN(14))
}

func (d *draw) put() *pb.PutRequest {
	r := &pb.PutRequest{Key: d.key(), Value: d.value(), PrevKv: d.chance(30)}
	if d.chance(30) {
		r.Lease = d.lease()
	}
	if d.chance(10) {
		r.IgnoreValue = true
		if d.chance(85) {
			r.Value = nil
		}
	}
	if d.chance(10) {
		r.IgnoreLease = true
		if d.chance(85) {
			r.Lease = 0
		}
	}
	return r
}

func (d *draw) remove() *pb.DeleteRangeRequest {
	r := &pb.DeleteRangeRequest{Key: d.key(), PrevKv: d.chance(40)}
	if d.chance(50) {
		r.RangeEnd = d.rangeEnd(r.Key)
	}
	return r
}

func (d *draw) comparison() *pb.Compare {
	c := &pb.Compare{Key: d.key(), Result: pb.Compare_CompareResult(d.IntN(4)), Target: pb.Compare_CompareTarget(d.IntN(5))}
	if d.chance(25) {
		c.RangeEnd = d.rangeEnd(c.Key)
	}
	if d.chance(3) {
		c.Result = pb.Compare_CompareResult(pick(d, 4, -1, 77))
	}
	if d.chance(3) {
		c.Target = pb.Compare_CompareTarget(pick(d, 5, -1, 77))
	}
	union := int(c.Target)
	if d.chance(8) {
		union = d.IntN(6)
	}
	number := d.revision()
	if d.chance(50) {
		number = int64(d.IntN(4))
	}
	switch union {
	case 0:
		c.TargetUnion = &pb.Compare_Version{Version: number}
	case 1:
		c.TargetUnion = &pb.Compare_CreateRevision{CreateRevision: number}
	case 2:
		c.TargetUnion = &pb.Compare_ModRevision{ModRevision: number}
	case 3:
		c.TargetUnion = &pb.Compare_Value{Value: d.value()}
	case 4:
		c.TargetUnion = &pb.Compare_Lease{Lease: d.lease()}
	}
	return c
}

func (d *draw) txn(depth int) *pb.TxnRequest {
	t := &pb.TxnRequest{}
	for range d.IntN(3) {
		t.Compare = append(t.Compare, d.comparison())
	}
	readOnly := depth == 0 && d.chance(20)
	for _, branch := range []*[]*pb.RequestOp{&t.Success, &t.Failure} {
		for range d.IntN(4) {
			*branch = append(*branch, d.requestOp(depth, readOnly))
		}
	}
	if d.chance(1) {
		d.overfill(t)
	}
	return t
}

// overfill brings the number of operations to where it is refused, or just not.
func (d *draw) overfill(t *pb.TxnRequest) {
	wanted := 126 + d.IntN(4)
	for i := len(t.Success); i < wanted; i++ {
		t.Success = append(t.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("a"), CountOnly: true}}})
	}
}

func (d *draw) requestOp(depth int, readOnly bool) *pb.RequestOp {
	switch n := d.IntN(100); {
	case n < 30 || readOnly:
		r := d.rangeRequest(false)
		if d.chance(75) {
			r.Revision = 0
		}
		if len(r.Key) == 0 && d.chance(70) {
			r.Key = []byte("a")
		}
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: r}}
	case n < 66:
		r := d.put()
		if len(r.Key) == 0 && d.chance(70) {
			r.Key = []byte("b")
		}
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: r}}
	case n < 84 || depth >= 2:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: d.remove()}}
	case n < 98:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: d.txn(depth + 1)}}
	}
	return &pb.RequestOp{}
}
