package main

import (
	"encoding/binary"
	"math"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

const (
	kv          = "/etcdserverpb.KV/"
	leaseRPC    = "/etcdserverpb.Lease/"
	maintenance = "/etcdserverpb.Maintenance/"

	maxRequestBytes = 1572864 // --max-request-bytes; of the request wrapped for the log
	wrappingBytes   = 21      // about what the wrapping adds
	maxMessageBytes = maxRequestBytes + 512*1024
)

func sortedInts(m map[int64]int64) []int64 {
	var keys []int64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func unary(path string, request proto.Message) *op {
	return &op{kind: unaryOp, path: path, bodies: [][]byte{encode(request)}}
}

// kinds are what a program is drawn from, with weights.
type kind struct {
	name   string // for --without
	weight int
	draw   func(*draw) *op
}

var kinds []kind

var kindsWeight int

// Set here, for one of them draws from all of them.
func init() {
	kinds = []kind{
		{"Range", 150, func(d *draw) *op { return unary(kv+"Range", d.rangeRequest(false)) }},
		{"Put", 180, func(d *draw) *op { return unary(kv+"Put", d.put()) }},
		{"DeleteRange", 50, func(d *draw) *op { return unary(kv+"DeleteRange", d.remove()) }},
		{"Txn", 210, func(d *draw) *op { return unary(kv+"Txn", d.txn(0)) }},
		{"RangeStream", 45, func(d *draw) *op {
			return &op{kind: streamOp, path: rangeStreamPath, bodies: [][]byte{encode(d.rangeRequest(true))}}
		}},
		{"Compact", 17, (*draw).compact},
		{"Watch", 100, (*draw).watching},
		{"LeaseGrant", 36, (*draw).grant},
		{"LeaseRevoke", 26, func(d *draw) *op { return unary(leaseRPC+"LeaseRevoke", &pb.LeaseRevokeRequest{ID: d.lease()}) }},
		{"LeaseKeepAlive", 22, (*draw).keepAlive},
		{"LeaseTimeToLive", 30, func(d *draw) *op {
			return unary(leaseRPC+"LeaseTimeToLive", &pb.LeaseTimeToLiveRequest{ID: d.lease(), Keys: d.chance(60)})
		}},
		{"LeaseLeases", 14, func(d *draw) *op { return unary(leaseRPC+"LeaseLeases", &pb.LeaseLeasesRequest{}) }},
		{"Status", 14, func(d *draw) *op { return unary(maintenance+"Status", &pb.StatusRequest{}) }},
		{"Alarm", 14, (*draw).alarm},
		{"Defragment", 12, func(d *draw) *op { return unary(maintenance+"Defragment", &pb.DefragmentRequest{}) }},
		{"HashKV", 18, func(d *draw) *op { return unary(maintenance+"HashKV", &pb.HashKVRequest{Revision: d.revision()}) }},
		{"Hash", 12, func(d *draw) *op { return unary(maintenance+"Hash", &pb.HashRequest{}) }},
		{"MemberList", 13, func(d *draw) *op {
			return unary("/etcdserverpb.Cluster/MemberList", &pb.MemberListRequest{Linearizable: d.chance(50)})
		}},
		{"AuthStatus", 13, func(d *draw) *op { return unary("/etcdserverpb.Auth/AuthStatus", &pb.AuthStatusRequest{}) }},
		{"Authenticate", 13, func(d *draw) *op {
			return unary("/etcdserverpb.Auth/Authenticate",
				&pb.AuthenticateRequest{Name: pick(d, "", "root", "u"), Password: pick(d, "", "pw")})
		}},
		{"pages", 58, (*draw).page},
		{"by-hand", 20, (*draw).byHand},
		{"malformed", 40, (*draw).malformed},
		{"large", 3, (*draw).large},
		{"chosen-lease", 6, func(d *draw) *op { return &op{kind: sceneOp, scene: "chosen lease", number: int64(d.IntN(1000))} }},
		{"alarms", 2, func(d *draw) *op { return &op{kind: sceneOp, scene: "alarms", number: int64(d.IntN(1000))} }},
		{"short-lease", 6, func(d *draw) *op { return &op{kind: sceneOp, scene: "short lease", number: int64(d.IntN(1000))} }},
	}
	for _, k := range kinds {
		kindsWeight += k.weight
	}
}

// next draws one step that real etcd survives.
func (d *draw) next() *op {
	for {
		o := d.candidate()
		if o != nil && d.survivable(o) {
			return o
		}
	}
}

func (d *draw) survivable(o *op) bool {
	for _, body := range o.bodies {
		if lethal(o.path, body, d.compacts) {
			return false
		}
	}
	return true
}

func (d *draw) candidate() *op {
	// Alarms stop nearly everything: they do not stay long.
	if len(d.p.state.alarms) > 0 && d.chance(18) {
		for _, key := range sortedAlarms(d.p.state.alarms) {
			a := proto.Clone(d.p.state.alarms[key]).(*pb.AlarmRequest)
			a.Action = pb.AlarmRequest_DEACTIVATE
			return unary(maintenance+"Alarm", a)
		}
	}
	n := d.IntN(kindsWeight)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			if d.p.o.without[k.name] {
				return nil
			}
			return d.dressed(k.draw(d))
		}
	}
	return nil
}

func sortedAlarms(m map[string]*pb.AlarmRequest) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dressed sometimes adds metadata that a lone member without authentication takes no notice of.
func (d *draw) dressed(o *op) *op {
	if o != nil && (o.kind == unaryOp || o.kind == streamOp) && d.chance(5) {
		o.md = metadata.MD{}
		for range 1 + d.IntN(2) {
			pair := pick(d, [2]string{"hasleader", "true"}, [2]string{"hasleader", "false"}, [2]string{"client-api-version", "3.7.1"},
				[2]string{"client-api-version", "nonsense"}, [2]string{"token", "abc.1"}, [2]string{"authorization", "Bearer x"},
				[2]string{"x-custom", "y"}, [2]string{"x-binary-bin", "\x00\xff"})
			o.md.Append(pair[0], pair[1])
		}
	}
	return o
}

func (d *draw) compact() *op {
	r := &pb.CompactionRequest{Revision: d.revision(), Physical: d.chance(30)}
	if d.chance(40) {
		// The newest revisions are what most other requests aim at.
		r.Revision = d.p.state.revision - int64(d.IntN(30))
	}
	return unary(kv+"Compact", r)
}

// grant gives times that do not end within a program; "short lease" is about the others.
func (d *draw) grant() *op {
	ttl := pick[int64](d, 60, 100, 500, 5000, 100000, 9_000_000_000)
	if d.chance(6) {
		ttl = pick[int64](d, 9_000_000_001, math.MaxInt64, math.MaxInt64/1_000_000_000)
	}
	id := d.leaseID()
	if id == 0 {
		id = 1
	}
	return unary(leaseRPC+"LeaseGrant", &pb.LeaseGrantRequest{TTL: ttl, ID: id})
}

func (d *draw) keepAlive() *op {
	o := &op{kind: keepAliveOp, path: leaseRPC + "LeaseKeepAlive"}
	for range d.IntN(4) {
		o.bodies = append(o.bodies, encode(&pb.LeaseKeepAliveRequest{ID: d.lease()}))
	}
	return o
}

func (d *draw) alarm() *op {
	r := &pb.AlarmRequest{Alarm: pb.AlarmType(d.IntN(3)), MemberID: pick[uint64](d, 0, 1, 2, math.MaxUint64)}
	switch n := d.IntN(100); {
	case n < 40:
	case n < 80:
		r.Action = pb.AlarmRequest_ACTIVATE
		if len(d.p.state.alarms) >= 3 {
			r.Action = pb.AlarmRequest_DEACTIVATE
		}
	default:
		r.Action = pb.AlarmRequest_DEACTIVATE
	}
	if d.chance(6) {
		r.Alarm = pb.AlarmType(pick(d, 3, 99, -1))
	}
	return unary(maintenance+"Alarm", r)
}

func (d *draw) page() *op {
	path := pick(d, "/health", "/livez", "/readyz", "/version")
	if d.chance(35) {
		path += pick(d, "?serializable=true", "?exclude=NOSPACE", "?exclude=CORRUPT", "?verbose", "?verbose=1", "?exclude=data_corruption",
			"?exclude=linearizable_read", "?exclude=nonsense", "?exclude=NOSPACE&exclude=CORRUPT", "/serializable_read",
			"/data_corruption", "/linearizable_read", "/non_learner", "/nonsense", "/", "?serializable=false")
	}
	if d.chance(3) {
		path = pick(d, "/", "/nonsense", "/v2/keys", "/healthz")
	}
	return &op{kind: plainOp, path: path, verb: pick(d, "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
}

// large is near the two limits of a request's size: of the wrapped request and of the message.
func (d *draw) large() *op {
	r := &pb.PutRequest{Key: []byte("large")}
	limit := pick(d, maxRequestBytes-wrappingBytes, maxRequestBytes, maxMessageBytes)
	size := limit + d.IntN(60) - 30
	if d.chance(30) {
		size += d.IntN(100000)
	}
	r.Value = make([]byte, size-proto.Size(&pb.PutRequest{Key: r.Key})-4)
	d.p.state.leases[0] = 0
	delete(d.p.state.leases, 0)
	return unary(kv+"Put", r)
}

// malformed breaks the bytes of a good request, or makes them unusual: what that means is for etcd to say.
func (d *draw) malformed() *op {
	var o *op
	for o == nil || o.kind != unaryOp && o.kind != streamOp && o.kind != keepAliveOp || len(o.bodies) == 0 {
		k := kinds[d.IntN(len(kinds)-4)]
		if !d.p.o.without[k.name] {
			o = k.draw(d)
		}
	}
	o.bodies = o.bodies[:1]
	for range 1 + d.IntN(2) {
		o.bodies[0] = d.mutate(o.bodies[0])
	}
	if d.p.state.revision > 0 && o.path == leaseRPC+"LeaseGrant" && shortLived(o.bodies[0]) {
		return nil
	}
	return o
}

// shortLived tells of a grant that would end within the program, or whose id the member chooses.
func shortLived(body []byte) bool {
	var r pb.LeaseGrantRequest
	return proto.Unmarshal(body, &r) == nil && (r.TTL < 60 || r.ID == 0)
}

func (d *draw) mutate(b []byte) []byte {
	b = slices.Clone(b)
	number := uint64(pick(d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 99, 1000, 536870911))
	tag := func(wire uint64) { b = binary.AppendUvarint(b, number<<3|wire) }
	switch d.IntN(16) {
	case 0: // cut short
		b = b[:d.IntN(len(b)+1)]
	case 1: // one bit
		if len(b) > 0 {
			b[d.IntN(len(b))] ^= 1 << d.IntN(8)
		}
	case 2:
		b = append(b, d.bytes(1+d.IntN(6))...)
	case 3: // a field of each wire type, known or not
		tag(0)
		b = binary.AppendUvarint(b, d.Uint64()>>d.IntN(64))
	case 4:
		tag(1)
		b = append(b, d.bytes(8)...)
	case 5:
		tag(5)
		b = append(b, d.bytes(4)...)
	case 6:
		tag(2)
		text := d.bytes(d.IntN(5))
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	case 7: // a group, closed or not, by the same number or another
		tag(3)
		if d.chance(70) {
			if d.chance(20) {
				number++
			}
			tag(4)
		}
	case 8: // a varint longer than it must be
		tag(0)
		b = append(b, 0x81, 0x80, 0x80, 0x00)
		b = append(b, pick(d, nil, []byte{0x1a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00})...)
	case 9: // and longer than it may be
		tag(0)
		b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
	case 10: // wire types and field numbers that there are none of
		b = append(b, pick[byte](d, 0x06, 0x07, 0x0e, 0x0f, 0x00, 0x02))
	case 11: // all of it again: the last one counts, lists and messages are joined
		b = append(b, b...)
	case 12: // a length beyond the end
		tag(2)
		b = binary.AppendUvarint(b, uint64(pick(d, 1, 100, 1<<31, 1<<40)))
	case 14: // ten bytes, the last of which has bits to spare or has not
		tag(0)
		b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, pick[byte](d, 0x01, 0x02, 0x7f))
	case 15: // a tag longer than it must be, or too large
		b = append(b, byte(number<<3)|0x80, 0x80, 0x80, 0x80)
		b = append(b, pick(d, []byte{0x00}, []byte{0x80, 0x00}, []byte{0x01}, []byte{0x10}, []byte{0x80, 0x01}, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00})...)
		b = append(b, 1)
	case 13: // true in an odd way
		tag(0)
		b = append(b, pick[byte](d, 2, 0x7f))
	}
	return b
}

func (d *draw) byHand() *op {
	request := encode(&pb.RangeRequest{Key: []byte("a"), CountOnly: true})
	c := &framedCall{verb: "POST", path: kv + "Range", body: frame(0, request),
		headers: [][2]string{{"content-type", "application/grpc"}, {"te", "trailers"}}}
	switch d.IntN(20) {
	case 0, 1, 2, 3:
		c.headers = append(c.headers, [2]string{"client-api-version", pick(d, "\xff", "3.7\xc3", "\xed\xa0\x80", "ok", "é")})
	case 4:
		c.path = pick(d, "/etcdserverpb.Nothing/Range", "/nothing/", "/a.B/C")
	case 5:
		c.path = pick(d, kv+"Nothing", "/etcdserverpb.Lease/Grant", kv+"range")
	case 6:
		c.body = nil
	case 7:
		c.body = append(c.body, c.body...)
	case 8:
		c.body = c.body[:d.IntN(len(c.body))]
		c.path = pick(d, kv+"Range", rangeStreamPath, leaseRPC+"LeaseKeepAlive")
	case 9:
		c.body = frame(1, request)
	case 10:
		c.body = frame(byte(2+d.IntN(250)), request)
	case 11:
		c.body = append([]byte{0}, binary.BigEndian.AppendUint32(nil, uint32(maxMessageBytes+1+d.IntN(1000)))...)
	case 12:
		c.headers = append(c.headers, [2]string{"grpc-timeout", pick(d, "1H", "99999999S", "abc", "", "1", "S", "123456789S", "-1S")})
	case 13:
		c.headers = append(c.headers, [2]string{"grpc-encoding", pick(d, "gzip", "gzip", "gzip", "identity", "snappy", "")})
		if packed := pack(request); d.IntN(2) == 0 {
			c.body = frame(1, pick(d, packed, nil, packed[:d.IntN(len(packed))], append(packed, packed...),
				append(packed, "some more"...), pack(make([]byte, maxMessageBytes+1)), []byte("this is not gzip")))
		}
	case 14:
		c.headers[0][1] = pick(d, "application/grpc+proto", "application/grpc+json", "application/grpc;charset=utf-8", "application/grpc+PROTO")
	case 15:
		c.headers = append(c.headers, [2]string{"hasleader", pick(d, "true", "false", "1")})
	case 16:
		c.headers = append(c.headers, [2]string{"x-bin", pick(d, "AAA", "!!", "AAAA", "A", "AA=A", "AAA=", "__--", "AAAA,BBBB", "A===")})
	case 17:
		c.path = pick(d, "/etcdserverpb.KV", "//", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List")
		c.body = frame(0, pick(d, []byte{}, []byte("\x0a\x01x")))
	case 18:
		c.path, c.body = rangeStreamPath, pick(d, nil, append(frame(0, request), frame(0, request)...))
	case 19:
		c.headers = append(c.headers, [2]string{"accept-encoding", "gzip"}, [2]string{"grpc-accept-encoding", "gzip"})
	}
	return &op{kind: framedOp, framed: c}
}
