package main

import (
	"math"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const (
	streamsMax  = 3
	watchersMax = 7 // of a stream
)

// watching draws a step of the watch service, by the streams and watchers that there are.
func (d *draw) watching() *op {
	number := d.IntN(streamsMax)
	stream := d.p.streams[number]
	step := watchStep{stream: number}
	switch n := d.IntN(100); {
	case stream == nil:
		step.act = "open"
	case stream.halfClosed && d.chance(30):
		step.act = "close"
	case n < 48:
		step.act, step.body = "send", d.createRequest(stream)
	case n < 66:
		step.act, step.body = "send", cancelRequest(d.watchID(stream))
	case n < 76:
		step.act = "progress"
	case n < 92:
		step.act = "settle"
	case n < 94:
		step.act = "half-close"
	case n < 97:
		step.act, step.body = "break", pick(d, []byte{0x0a}, []byte{0x0a, 0x05, 0x01}, []byte{0xff}, []byte{0x0c}, []byte{0x12, 0x01, 0x08})
	default:
		step.act = "close"
	}
	return &op{kind: watchOp, watch: step}
}

func (d *draw) watchID(stream *watchStream) int64 {
	if ids := sortedInts(stream.live); len(ids) > 1 && d.chance(85) {
		if id := ids[d.IntN(len(ids))]; id != anchorID {
			return id
		}
	}
	return int64(d.IntN(20))
}

func (d *draw) createRequest(stream *watchStream) []byte {
	if len(stream.live) > watchersMax {
		return cancelRequest(d.watchID(stream))
	}
	c := &pb.WatchCreateRequest{Key: d.key(), PrevKv: d.chance(50), ProgressNotify: d.chance(15), Fragment: d.chance(20)}
	if d.chance(60) {
		c.RangeEnd = d.rangeEnd(c.Key)
	}
	for range d.IntN(3) {
		c.Filters = append(c.Filters, pb.WatchCreateRequest_FilterType(pick(d, 0, 1, 1, 0, 2, -1)))
	}
	if d.chance(40) {
		c.Filters = nil
	}
	if d.chance(25) {
		c.WatchId = pick[int64](d, 1, 2, 3, 5, 100, math.MaxInt64, -5)
	}
	revision := d.p.state.revision
	future := stream.hasFuture(revision)
	switch n := d.IntN(100); {
	case n < 40:
	case n < 75 && !future:
		c.StartRevision = d.revision()
		if d.chance(50) {
			c.StartRevision = max(1, d.p.state.compacted+d.Int64N(revision-d.p.state.compacted+1))
		}
	case n < 85 && stream.number == 0:
		// Of one stream alone: it does not answer progress requests then.
		c.StartRevision = revision + 1 + int64(d.IntN(40))
	case n < 90:
		c.StartRevision = -1 - int64(d.IntN(3))
	}
	if c.StartRevision > revision && stream.number != 0 {
		c.StartRevision = 0
	}
	if future && c.StartRevision > 0 && c.StartRevision <= revision {
		c.StartRevision = 0
	}
	return encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: c}})
}
