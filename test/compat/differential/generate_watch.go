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
		step.act = "send"
		past := d.chance(50) && !stream.hasFuture(d.p.state.revision)
		for range 1 + d.IntN(4) {
			step.bodies = append(step.bodies, d.createRequest(stream, past))
		}
	case n < 66:
		step.act, step.bodies = "send", [][]byte{cancelRequest(d.watchID(stream))}
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

// createRequest begins in the past or elsewhere: on one stream only one of both goes at a time.
func (d *draw) createRequest(stream *watchStream, past bool) []byte {
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
	revision, floor := d.p.state.revision, max(d.p.state.compacted, 0)
	switch n := d.IntN(100); {
	case n < 10:
		c.StartRevision = -1 - int64(d.IntN(3))
	case past && n < 50:
		c.StartRevision = 1 + floor + d.Int64N(revision-floor+1)
	case past:
		c.StartRevision = d.revision()
	case n < 40 && stream.number == 0:
		// Of one stream alone: it answers no progress requests then.
		c.StartRevision = revision + 1 + int64(d.IntN(40))
	}
	if past && c.StartRevision > revision {
		c.StartRevision = revision
	}
	return encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: c}})
}
