package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// What is recorded: calls whose answer hangs on the calls before alone. The other kinds of steps are about
// connections, clocks, metadata and what a member is.
var recordedKinds = []string{"Range", "Put", "DeleteRange", "Txn", "Compact", "LeaseGrant", "LeaseRevoke",
	"LeaseTimeToLive", "LeaseLeases", "HashKV"}

// recorder writes one program and what a server answered, for src/api/recorded_answers_test.cc:
//
//	# a comment
//	> KV.Put key: "a" value: "1"    a request, in protobuf's text format
//	= header { revision: 2 }        its answer; of a header its revision, of a lease's TTL its sign
//	! 11 the text of the error      or how it failed, by gRPC's code
//	?                               or one that another run need not give
type recorder struct {
	p    *program
	s    *server
	out  *bufio.Writer
	size int
}

// record runs a program on one server and writes it to `path` until it has about `limit` bytes.
func record(o *options, path string, limit int) error {
	for _, k := range kinds {
		if !slices.Contains(recordedKinds, k.name) {
			o.without[k.name] = true
		}
	}
	dir, err := os.MkdirTemp(o.data, "record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startServer("etcd", o.reference, filepath.Join(dir, "etcd"), filepath.Join(o.work, "record.log"))
	if err != nil {
		return err
	}
	defer s.stop()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	p := newProgram(o, o.seed, &pair{sides: [2]*server{s, s}}, newCoverage())
	d := newDraw(p)
	r := &recorder{p: p, s: s, out: bufio.NewWriter(file)}
	r.write(fmt.Sprintf("# etcd %s, seed %d: test/compat/record", strings.TrimSpace(s.version()), o.seed))
	for r.size < limit {
		if err := r.step(d.next()); err != nil {
			return err
		}
	}
	return r.out.Flush()
}

func (r *recorder) write(line string) {
	r.size += len(line) + 1
	r.out.WriteString(line)
	r.out.WriteByte('\n')
}

func (r *recorder) step(o *op) error {
	m := methods[o.path]
	request := m.input.New().Interface()
	if err := proto.Unmarshal(o.bodies[0], request); err != nil {
		return err
	}
	// One compaction has ended before the next begins, so that the hash noted at it is there.
	if c, ok := request.(*pb.CompactionRequest); ok {
		c.Physical = true
	}
	if endsEarlierVersions(request) {
		return nil
	}
	body := encode(request)
	if len(body) > 400 { // long ones say no more than short ones
		return nil
	}
	a := callUnary(r.s, o.path, body, nil)
	if r.s.dead() {
		return fmt.Errorf("etcd died of %s", showRequest(o.path, body))
	}
	r.p.learn(o.path, body, a)
	line := "> " + strings.TrimPrefix(strings.ReplaceAll(o.path, "/", "."), ".etcdserverpb.")
	if text := textFormat(request); text != "" {
		line += " " + text
	}
	if a.code != codes.OK {
		r.write(line)
		r.write(fmt.Sprintf("! %d %s", a.code, a.text))
		return nil
	}
	response := m.output.New().Interface()
	if err := proto.Unmarshal(a.messages[0], response); err != nil {
		return err
	}
	if !determined(request, response) {
		r.write(line)
		r.write("?")
		return nil
	}
	settle(response)
	r.write(line)
	r.write(strings.TrimSpace("= " + textFormat(response)))
	return nil
}

// endsEarlierVersions tells of orders and targets that there are none of: etcd 3.5 dies of them.
func endsEarlierVersions(request proto.Message) bool {
	unknown := func(r *pb.RangeRequest) bool {
		return r != nil && (pb.RangeRequest_SortOrder_name[int32(r.SortOrder)] == "" || pb.RangeRequest_SortTarget_name[int32(r.SortTarget)] == "")
	}
	switch r := request.(type) {
	case *pb.RangeRequest:
		return unknown(r)
	case *pb.TxnRequest:
		found := false
		each(r, func(op *pb.RequestOp) { found = found || unknown(op.GetRequestRange()) })
		return found
	}
	return false
}

// settle leaves out what another member or another moment would answer otherwise.
func settle(response proto.Message) {
	if h, ok := response.(interface{ GetHeader() *pb.ResponseHeader }); ok && h.GetHeader() != nil {
		header := h.GetHeader()
		header.ClusterId, header.MemberId, header.RaftTerm = 0, 0, 0
	}
	switch x := response.(type) {
	case *pb.LeaseTimeToLiveResponse:
		x.TTL = min(max(x.TTL, -1), 1)
		slices.SortFunc(x.Keys, bytes.Compare)
	case *pb.LeaseLeasesResponse:
		slices.SortFunc(x.Leases, func(a, b *pb.LeaseStatus) int { return int(min(max(a.ID-b.ID, -1), 1)) })
	}
}

// determined is false where more than 12 pairs were sorted by what some share: Go's sort keeps no order then.
func determined(request, response proto.Message) bool {
	switch r := request.(type) {
	case *pb.RangeRequest:
		return rangeDetermined(r, response.(*pb.RangeResponse))
	case *pb.TxnRequest:
		return txnDetermined(r, response.(*pb.TxnResponse))
	case *pb.LeaseGrantRequest:
		return r.ID != 0
	}
	return true
}

func txnDetermined(request *pb.TxnRequest, response *pb.TxnResponse) bool {
	branch := request.Failure
	if response.Succeeded {
		branch = request.Success
	}
	for i, op := range branch {
		if r := op.GetRequestRange(); r != nil && !rangeDetermined(r, response.Responses[i].GetResponseRange()) {
			return false
		}
		if t := op.GetRequestTxn(); t != nil && !txnDetermined(t, response.Responses[i].GetResponseTxn()) {
			return false
		}
	}
	return true
}

func rangeDetermined(r *pb.RangeRequest, response *pb.RangeResponse) bool {
	return response.Count <= stableElements || r.SortTarget == pb.RangeRequest_KEY
}
