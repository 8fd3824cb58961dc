package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

const (
	watchPath   = "/etcdserverpb.Watch/Watch"
	putPath     = "/etcdserverpb.KV/Put"
	compactPath = "/etcdserverpb.KV/Compact"
	anchorID    = 9000 // of a watcher that every stream has, on a key that only the program itself puts
	anchorKey   = "~sync"
	watchLimit  = 10 * time.Second
	pollPeriod  = 150 * time.Millisecond // real etcd catches up every 100 ms
)

type watchStep struct {
	act    string // open, send, progress, half-close, break, close
	stream int
	body   []byte   // anything, of break
	bodies [][]byte // WatchRequests, of send
}

func (w watchStep) String() string {
	text := fmt.Sprintf("watch stream %d: %s", w.stream, w.act)
	if w.act == "break" {
		text += fmt.Sprintf(" %x", w.body)
	}
	for _, body := range w.bodies {
		text += " " + showRequest(watchPath, body)
	}
	return text
}

// watchSide is one member's half of a stream: what came, sorted by watch id.
//
// How answers are split is not compared: events come apart here, each with the header that it came with.
type watchSide struct {
	stream grpc.ClientStream
	cancel context.CancelFunc

	mu       sync.Mutex
	items    map[int64][]*pb.WatchResponse // one event each, or none in what creates, cancels or notifies
	created  int
	last     *pb.WatchResponse // the last answer to a creation
	canceled map[int64]int
	events   map[int64]int64 // watch id to the revision of its last event
	progress []int64         // revisions of answers to progress requests
	late     int             // polls for progress that were sent and may still be answered
	inParts  map[int64]bool  // a response of this id came as fragments
	ended    *answer
}

func (w *watchSide) receive() {
	for {
		var message []byte
		err := w.stream.RecvMsg(&message)
		w.mu.Lock()
		if err != nil {
			w.ended = &answer{trailer: showMetadata(w.stream.Trailer())}
			w.ended.ended(err)
			w.mu.Unlock()
			return
		}
		response := &pb.WatchResponse{}
		if err := proto.Unmarshal(message, response); err != nil {
			w.ended = &answer{code: codes.Internal, text: "an answer that is no WatchResponse: " + err.Error()}
			w.mu.Unlock()
			return
		}
		w.take(response)
		w.mu.Unlock()
	}
}

func (w *watchSide) take(r *pb.WatchResponse) {
	id := r.WatchId
	if id == -1 && !r.Created && !r.Canceled && len(r.Events) == 0 {
		w.progress = append(w.progress, r.Header.GetRevision())
		return
	}
	if r.Fragment {
		w.inParts[id] = true
	}
	if r.Created {
		w.created++
		w.last = r
	}
	if r.Canceled && !r.Created {
		w.canceled[id]++
	}
	if len(r.Events) == 0 {
		w.items[id] = append(w.items[id], r)
		return
	}
	for _, event := range r.Events {
		one := proto.Clone(r).(*pb.WatchResponse)
		one.Events, one.Fragment = []*pbEvent{event}, false
		w.items[id] = append(w.items[id], one)
		w.events[id] = event.Kv.GetModRevision()
	}
}

// is reads the side under its lock.
func (w *watchSide) is(holds func() bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return holds()
}

type watchStream struct {
	number     int
	sides      [2]*watchSide
	live       map[int64]int64  // watch id to its start
	doomed     map[int64][2]int // started below the compacted revision: they end by themselves; how often their ids were canceled before
	created    int
	halfClosed bool
	behind     bool // a watcher began in the past, and may have to catch up
}

func (p *program) openStreams() []int {
	var numbers []int
	for number := range p.streams {
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	return numbers
}

func (s *watchStream) close() {
	for _, side := range s.sides {
		side.cancel()
	}
}

// hasFuture tells whether a watcher's start is still to come: progress is not answered then.
func (s *watchStream) hasFuture(revision int64) bool {
	for _, start := range s.live {
		if start > revision {
			return true
		}
	}
	return false
}

func (p *program) watch(step *watchStep) string {
	stream := p.streams[step.stream]
	if step.act == "open" {
		if stream != nil {
			return ""
		}
		return p.openWatch(step.stream)
	}
	if stream == nil {
		return "" // a shortened program has no such stream
	}
	switch step.act {
	case "send":
		return p.sendAll(stream, step.bodies)
	case "progress":
		return p.askProgress(stream)
	case "half-close":
		stream.halfClosed = true
		for _, side := range stream.sides {
			side.stream.CloseSend()
		}
		return ""
	case "break":
		return p.breakWatch(stream, step.body)
	case "close":
		diff := p.settle(stream)
		stream.close()
		delete(p.streams, stream.number)
		return diff
	default: // settle
		return p.settle(stream)
	}
}

func (p *program) openSides() (*watchStream, string) {
	stream := &watchStream{live: map[int64]int64{}, doomed: map[int64][2]int{}}
	for i, s := range p.pair.sides {
		ctx, cancel := context.WithCancel(context.Background())
		raw, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, watchPath)
		if err != nil {
			cancel()
			return nil, fmt.Sprintf("%s opens no watch stream: %v", s.name, err)
		}
		side := &watchSide{stream: raw, cancel: cancel, items: map[int64][]*pb.WatchResponse{},
			canceled: map[int64]int{}, events: map[int64]int64{}, inParts: map[int64]bool{}}
		stream.sides[i] = side
		go side.receive()
	}
	return stream, ""
}

func (p *program) openWatch(number int) string {
	stream, diff := p.openSides()
	if diff != "" {
		return diff
	}
	stream.number = number
	p.streams[number] = stream
	return p.sendWatch(stream, encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{
		CreateRequest: &pb.WatchCreateRequest{Key: []byte(anchorKey), WatchId: anchorID}}}))
}

// sendAll sends requests one after the other, and waits for what a start in the past brings at once: the headers of
// what is caught up hold the revision of that moment, so nothing may change before.
func (p *program) sendAll(stream *watchStream, bodies [][]byte) string {
	stream.behind = false
	for _, body := range bodies {
		// Real etcd drops the events of a watcher that it has not sent when the cancel request comes.
		var request pb.WatchRequest
		if proto.Unmarshal(body, &request) == nil && request.GetCancelRequest() != nil && !stream.halfClosed {
			if diff := p.settle(stream); diff != "" {
				return diff
			}
		}
		if diff := p.sendWatch(stream, body); diff != "" {
			return diff
		}
	}
	if stream.behind {
		return p.settle(stream)
	}
	return ""
}

func (p *program) sendBoth(stream *watchStream, body []byte) string {
	p.cov.request(watchPath, body)
	for i, side := range stream.sides {
		if err := side.stream.SendMsg(&body); err != nil {
			return fmt.Sprintf("%s takes no watch request: %v", p.pair.sides[i].name, err)
		}
	}
	return ""
}

// sendWatch sends one request and awaits its answer, if one is due.
func (p *program) sendWatch(stream *watchStream, body []byte) string {
	var request pb.WatchRequest
	if proto.Unmarshal(body, &request) != nil || stream.halfClosed {
		return ""
	}
	cancel := request.GetCancelRequest()
	canceledBefore := stream.canceled(cancel.GetWatchId())
	endsBefore := stream.allCanceled()
	if diff := p.sendBoth(stream, body); diff != "" {
		return diff
	}
	switch {
	case request.GetCreateRequest() != nil:
		return p.afterCreate(stream, request.GetCreateRequest(), endsBefore)
	case cancel != nil:
		if _, live := stream.live[cancel.WatchId]; !live {
			return ""
		}
		delete(stream.live, cancel.WatchId)
		delete(stream.doomed, cancel.WatchId)
		if !p.awaitCanceled(stream, cancel.WatchId, canceledBefore) {
			return p.late(stream, "an answer to the cancel request")
		}
	}
	return ""
}

func (p *program) await(stream *watchStream, holds func(*watchSide) bool) bool {
	return awaitBoth(watchLimit, func(i int) bool {
		side := stream.sides[i]
		return side.is(func() bool { return holds(side) })
	})
}

// canceled counts the ends of one watch id on each side.
func (s *watchStream) canceled(id int64) (out [2]int) {
	for i, side := range s.sides {
		side.is(func() bool { out[i] = side.canceled[id]; return true })
	}
	return out
}

func (s *watchStream) allCanceled() map[int64][2]int {
	out := map[int64][2]int{}
	for i, side := range s.sides {
		side.is(func() bool {
			for id, count := range side.canceled {
				both := out[id]
				both[i] = count
				out[id] = both
			}
			return true
		})
	}
	return out
}

func (p *program) awaitCanceled(stream *watchStream, id int64, before [2]int) bool {
	return awaitBoth(watchLimit, func(i int) bool {
		side := stream.sides[i]
		return side.is(func() bool { return side.canceled[id] > before[i] })
	})
}

func (p *program) afterCreate(stream *watchStream, request *pb.WatchCreateRequest, endsBefore map[int64][2]int) string {
	stream.created++
	if !p.await(stream, func(w *watchSide) bool { return w.created >= stream.created || w.ended != nil }) {
		return p.late(stream, "an answer to the create request")
	}
	var last *pb.WatchResponse
	stream.sides[0].is(func() bool { last = stream.sides[0].last; return true })
	p.cov.watchReason(last.GetCancelReason())
	if last == nil || last.Canceled {
		return ""
	}
	before := endsBefore[last.WatchId]
	stream.live[last.WatchId] = request.StartRevision
	stream.behind = stream.behind || request.StartRevision > 0 && request.StartRevision <= p.state.revision
	if request.StartRevision > 0 && request.StartRevision < p.state.compacted {
		stream.doomed[last.WatchId] = before
	}
	return ""
}

// late is told when a side stays silent; it shows what both have.
func (p *program) late(stream *watchStream, what string) string {
	text := fmt.Sprintf("watch stream %d: no %s within %v", stream.number, what, watchLimit)
	if diff := p.compareWatch(stream); diff != "" {
		return text + "\n" + diff
	}
	for i, side := range stream.sides {
		side.is(func() bool {
			if side.ended != nil {
				text += fmt.Sprintf("\n%s ended the stream: %v %q", p.pair.sides[i].name, side.ended.code, side.ended.text)
			}
			text += fmt.Sprintf("\n%s: %d created, canceled %v, progress %v", p.pair.sides[i].name, side.created, side.canceled, side.progress)
			return true
		})
	}
	return text
}

var progressRequest = encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}})

func cancelRequest(id int64) []byte {
	return encode(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{CancelRequest: &pb.WatchCancelRequest{WatchId: id}}})
}

// settle waits until both sides have sent all that is due on the stream, then compares it.
//
// Nothing changes meanwhile, so that even the revisions in the headers of what is caught up are determined. A
// progress answer says that all watchers are up to date; where one starts in the future there is none, and an event
// of the anchor says it of the others, which are never behind on such a stream.
func (p *program) settle(stream *watchStream) string {
	for _, id := range sortedKeysOf(stream.doomed) {
		if !p.awaitCanceled(stream, id, stream.doomed[id]) {
			return p.late(stream, fmt.Sprintf("end of watcher %d, which compaction has overtaken", id))
		}
		// While it is not cancelled, progress is not told.
		if stream.halfClosed {
			delete(stream.doomed, id)
			continue
		}
		if diff := p.sendWatch(stream, cancelRequest(id)); diff != "" {
			return diff
		}
	}
	if stream.halfClosed || stream.hasFuture(p.state.revision) {
		if len(p.state.alarms) == 0 {
			if _, diff := p.send(putPath, &pb.PutRequest{Key: []byte(anchorKey)}); diff != "" {
				return diff
			}
			revision := p.state.revision
			if !p.await(stream, func(w *watchSide) bool { return w.events[anchorID] >= revision }) {
				return p.late(stream, "event of the anchor")
			}
		}
	} else if !p.pollProgress(stream) {
		return p.late(stream, "answer to progress requests")
	}
	return p.compareWatch(stream)
}

func sortedKeysOf[V any](set map[int64]V) []int64 {
	var ids []int64
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (p *program) pollProgress(stream *watchStream) bool {
	revision := p.state.revision
	var sent [2]time.Time
	var had, polls [2]int
	for i, side := range stream.sides {
		side.is(func() bool { had[i] = len(side.progress); return true })
	}
	defer func() {
		for i, side := range stream.sides {
			side.is(func() bool { side.late += polls[i] - (len(side.progress) - had[i]); return true })
		}
	}()
	return awaitBoth(watchLimit, func(i int) bool {
		side := stream.sides[i]
		if side.is(func() bool { return len(side.progress) > had[i] && side.progress[len(side.progress)-1] >= revision }) {
			return true
		}
		if time.Since(sent[i]) > pollPeriod {
			sent[i] = time.Now()
			polls[i]++
			if i == 0 {
				p.cov.request(watchPath, progressRequest)
			}
			side.stream.SendMsg(&progressRequest)
		}
		return false
	})
}

// askProgress compares one progress request's answer, or that there is none.
func (p *program) askProgress(stream *watchStream) string {
	if diff := p.settle(stream); diff != "" || stream.halfClosed {
		return diff
	}
	time.Sleep(2 * time.Millisecond)
	var before, after [2][]int64
	read := func(into *[2][]int64) {
		for i, side := range stream.sides {
			side.is(func() bool { into[i] = slices.Clone(side.progress); return true })
		}
	}
	read(&before)
	future := stream.hasFuture(p.state.revision)
	if diff := p.sendBoth(stream, progressRequest); diff != "" {
		return diff
	}
	if future {
		if diff := p.settle(stream); diff != "" {
			return diff
		}
	} else {
		awaitBoth(watchLimit, func(i int) bool {
			side := stream.sides[i]
			return side.is(func() bool { return len(side.progress) > len(before[i]) })
		})
	}
	read(&after)
	var told [2]string
	for i, side := range stream.sides {
		answers := after[i][len(before[i]):]
		// On a machine that stood still one more poll was sent, and both are answered.
		for ; side.late > 0 && len(answers) > 1 && answers[0] == answers[1]; side.late-- {
			answers = answers[1:]
		}
		told[i] = fmt.Sprint(answers)
	}
	if told[0] != told[1] {
		return fmt.Sprintf("watch stream %d: a progress request is answered with revisions %s and %s", stream.number, told[0], told[1])
	}
	return ""
}

// breakWatch sends what is no request and compares how the stream ends.
func (p *program) breakWatch(stream *watchStream, body []byte) string {
	if diff := p.settle(stream); diff != "" || stream.halfClosed {
		return diff
	}
	if diff := p.sendBoth(stream, body); diff != "" {
		return diff
	}
	delete(p.streams, stream.number)
	defer stream.close()
	if !p.await(stream, func(w *watchSide) bool { return w.ended != nil }) {
		return p.late(stream, "end after a malformed request")
	}
	p.cov.outcome(stream.sides[0].ended)
	return p.compare(watchPath, [][]byte{body}, [2]*answer{stream.sides[0].ended, stream.sides[1].ended})
}

// compareWatch compares the sequences of each watch id and forgets them.
func (p *program) compareWatch(stream *watchStream) string {
	// What was due has been told; where one side has less, it is given time before that counts.
	awaitBoth(watchLimit/2, func(int) bool {
		a, b := stream.counts()
		return a == b
	})
	var lines []string
	ids := map[int64]bool{}
	for _, side := range stream.sides {
		side.mu.Lock()
		defer side.mu.Unlock()
		for id := range side.items {
			ids[id] = true
		}
	}
	for _, id := range sortedKeysOf(ids) {
		a, b := stream.sides[0].items[id], stream.sides[1].items[id]
		for i := range max(len(a), len(b)) {
			if i < len(a) && i < len(b) && p.sameMessage(watchPath, nil, a[i], b[i]) {
				continue
			}
			lines = append(lines, fmt.Sprintf("watch stream %d, watch id %d, item %d of %d and %d", stream.number, id, i+1, len(a), len(b)),
				p.pair.sides[0].name+": "+showItem(a, i), p.pair.sides[1].name+": "+showItem(b, i))
			break
		}
		if x, y := stream.sides[0].inParts[id], stream.sides[1].inParts[id]; x != y && stream.number == fragmentsStream {
			lines = append(lines, fmt.Sprintf("watch stream %d, watch id %d: in fragments %v and %v", stream.number, id, x, y))
		}
	}
	for _, side := range stream.sides {
		side.items, side.inParts = map[int64][]*pb.WatchResponse{}, map[int64]bool{}
	}
	return strings.Join(lines, "\n")
}

func (s *watchStream) counts() (string, string) {
	var out [2]string
	for i, side := range s.sides {
		side.is(func() bool {
			counts := map[int64]int{}
			for id, items := range side.items {
				counts[id] = len(items)
			}
			out[i] = fmt.Sprint(counts)
			return true
		})
	}
	return out[0], out[1]
}

func showItem(items []*pb.WatchResponse, i int) string {
	if i >= len(items) {
		return "nothing"
	}
	return show(items[i])
}
