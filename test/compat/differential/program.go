package main

import (
	"fmt"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

type opKind int

const (
	unaryOp     opKind = iota
	streamOp           // RangeStream: one request, answers until its end
	keepAliveOp        // LeaseKeepAlive: an answer after each request
	framedOp           // gRPC by hand
	plainOp            // HTTP/1.1
	watchOp
	sceneOp // several calls of which one needs what another answered
)

// op is one step of a program, whole in itself: a list of them can be run again without what drew it.
type op struct {
	kind   opKind
	path   string
	verb   string
	bodies [][]byte
	md     metadata.MD
	framed *framedCall
	watch  watchStep
	scene  string
	number int64 // what a scene wants to vary by
}

func (o *op) String() string {
	switch o.kind {
	case plainOp:
		return fmt.Sprintf("%s %s", o.verb, o.path)
	case framedOp:
		return fmt.Sprintf("framed %s %s %q body %x", o.framed.verb, o.framed.path, o.framed.headers, clip(o.framed.body))
	case watchOp:
		return o.watch.String()
	case sceneOp:
		return fmt.Sprintf("scene %s(%d)", o.scene, o.number)
	}
	var parts []string
	for _, body := range o.bodies {
		parts = append(parts, showRequest(o.path, body))
	}
	if len(o.md) > 0 {
		parts = append(parts, "metadata "+showMetadata(o.md))
	}
	return o.path + " " + strings.Join(parts, " ; ")
}

// state is what the reference's answers tell of the store; the generator aims by it.
type state struct {
	revision  int64
	compacted int64
	leases    map[int64]int64 // id to TTL
	alarms    map[string]*pb.AlarmRequest
	lastTree  int64 // revision of the last transaction that deleted to the end and put
}

// program is one seed on one pair of members.
type program struct {
	o       *options
	seed    uint64
	pair    *pair
	cov     *coverage
	state   state
	streams map[int]*watchStream
	aliases [2]map[int64]int64 // lease ids that a member chose, to what they are shown as
	recent  []string
	ops     []*op
	sent    int
	tainted bool // the store holds a lease id that a member chose
	tooSlow bool // a short lease may have ended under us: what follows says nothing
}

func newProgram(o *options, seed uint64, p *pair, cov *coverage) *program {
	return &program{o: o, seed: seed, pair: p, cov: cov, streams: map[int]*watchStream{},
		state:   state{revision: 1, compacted: -1, leases: map[int64]int64{}, alarms: map[string]*pb.AlarmRequest{}},
		aliases: [2]map[int64]int64{{}, {}}}
}

// note keeps the last requests, for when a member dies of one.
func (p *program) note(text string) {
	p.sent++
	if len(p.recent) == 40 {
		p.recent = p.recent[1:]
	}
	p.recent = append(p.recent, text)
}

// both makes one call to each side at once.
func (p *program) both(call func(side int, s *server) *answer) [2]*answer {
	var out [2]*answer
	done := make(chan struct{})
	go func() {
		out[1] = call(1, p.pair.sides[1])
		close(done)
	}()
	out[0] = call(0, p.pair.sides[0])
	<-done
	return out
}

// run executes one step; what differs comes back as text, empty where nothing does.
func (p *program) run(o *op) string {
	p.note(o.String())
	switch o.kind {
	case unaryOp:
		if o.path == compactPath {
			if diff := p.settleAll(); diff != "" {
				return diff
			}
		}
		answers, diff := p.unary(o.path, o.bodies[0], o.md)
		return p.unlessIntended(o, answers, diff)
	case streamOp, keepAliveOp:
		for _, body := range o.bodies {
			p.cov.request(o.path, body)
		}
		answers := p.both(func(_ int, s *server) *answer {
			return callStream(s, o.path, o.bodies, o.md, o.kind == keepAliveOp)
		})
		p.cov.outcome(answers[0])
		return p.unlessIntended(o, answers, p.compare(o.path, o.bodies, answers))
	case framedOp:
		p.cov.framed(o.framed)
		answers := p.both(func(_ int, s *server) *answer { return callFramed(s, o.framed) })
		p.cov.outcome(answers[0])
		return p.unlessIntended(o, answers, p.compareHTTP(o.framed.path, answers))
	case plainOp:
		p.cov.plain(o.path)
		body := ""
		if len(o.bodies) > 0 {
			body = string(o.bodies[0])
		}
		answers := p.both(func(_ int, s *server) *answer { return callPlain(s, o.verb, o.path, body) })
		return p.unlessIntended(o, answers, p.compareHTTP(o.path, answers))
	case watchOp:
		return p.watch(&o.watch)
	default:
		return scenes[o.scene](p, o.number)
	}
}

func (p *program) unlessIntended(o *op, answers [2]*answer, diff string) string {
	if diff != "" && !p.o.self && intended(o, answers[0], answers[1]) {
		return ""
	}
	return diff
}

// unary makes one call with equal requests.
func (p *program) unary(path string, body []byte, md metadata.MD) ([2]*answer, string) {
	return p.unaryEach(path, [2][]byte{body, body}, md)
}

// unaryEach makes one call whose requests may name what each side chose.
func (p *program) unaryEach(path string, bodies [2][]byte, md metadata.MD) ([2]*answer, string) {
	p.cov.request(path, bodies[0])
	answers := p.both(func(side int, s *server) *answer { return callUnary(s, path, bodies[side], md) })
	p.learn(path, bodies[0], answers[0])
	return answers, p.compare(path, [][]byte{bodies[0]}, answers)
}

// send is unary for scenes.
func (p *program) send(path string, request proto.Message) ([2]*answer, string) {
	p.note("  " + path + " " + showRequest(path, encode(request)))
	return p.unary(path, encode(request), nil)
}

// learn takes from the reference's answer what the generator and the watches need to know.
func (p *program) learn(path string, body []byte, a *answer) {
	p.cov.outcome(a)
	m := methods[path]
	if m == nil || a.code != codes.OK || len(a.messages) != 1 {
		return
	}
	request, response := m.input.New().Interface(), m.output.New().Interface()
	if proto.Unmarshal(body, request) != nil || proto.Unmarshal(a.messages[0], response) != nil {
		return
	}
	if h, ok := response.(interface{ GetHeader() *pb.ResponseHeader }); ok && h.GetHeader().GetRevision() > 0 {
		p.state.revision = h.GetHeader().GetRevision()
	}
	switch r := request.(type) {
	case *pb.CompactionRequest:
		p.state.compacted = r.Revision
	case *pb.LeaseGrantRequest:
		p.state.leases[response.(*pb.LeaseGrantResponse).ID] = response.(*pb.LeaseGrantResponse).TTL
	case *pb.LeaseRevokeRequest:
		delete(p.state.leases, r.ID)
	case *pb.AlarmRequest:
		key := fmt.Sprint(r.MemberID, r.Alarm)
		if r.Action == pb.AlarmRequest_ACTIVATE && r.Alarm != pb.AlarmType_NONE {
			p.state.alarms[key] = r
		} else if r.Action == pb.AlarmRequest_DEACTIVATE {
			delete(p.state.alarms, key)
		}
	case *pb.TxnRequest:
		if deletesToTheEndAndPuts(r) {
			p.state.lastTree = p.state.revision
		}
	}
}

// settleAll compares what is due on every stream: before a compaction too, for real etcd looks for the pair before a
// change when it sends the event.
func (p *program) settleAll() string {
	for _, number := range p.openStreams() {
		if diff := p.settle(p.streams[number]); diff != "" {
			return diff
		}
	}
	return ""
}

// finish compares what is still due and ends the streams.
func (p *program) finish() string {
	diff := p.settleAll()
	for _, stream := range p.streams {
		stream.close()
	}
	return diff
}

// awaitBoth polls until `holds` of both sides.
func awaitBoth(limit time.Duration, holds func(side int) bool) bool {
	pause := 100 * time.Microsecond
	for end := time.Now().Add(limit); ; {
		if holds(0) && holds(1) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
		if pause < 2*time.Millisecond {
			pause *= 2
		}
	}
}
