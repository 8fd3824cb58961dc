package main

import (
	"bytes"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

// What kills a real etcd 3.7.1, and is never sent:
//   - Alarm with an unknown action.
//   - A transaction that deletes to the end of all keys (its check for keys that meet overlooks such deletes) and
//     puts a key that is deleted so, keeping its value or lease.
//   - The same with a plain put, once its revision is compacted and the key is read. Programs that send such
//     transactions therefore never compact.

var toTheEnd = []byte{0}

// lethal tells whether the request would end etcd; `compacts` says that its program may compact later.
func lethal(path string, body []byte, compacts bool) bool {
	m := methods[path]
	if m == nil {
		return false
	}
	request := m.input.New().Interface()
	if proto.Unmarshal(body, request) != nil {
		return false
	}
	switch r := request.(type) {
	case *pb.AlarmRequest:
		return r.Action < 0 || r.Action > pb.AlarmRequest_DEACTIVATE
	case *pb.CompactionRequest:
		return !compacts
	case *pb.TxnRequest:
		if keepsWhatItDeletes(r) {
			return true
		}
		return compacts && deletesToTheEndAndPuts(r)
	}
	return false
}

// each visits all operations of both branches, nested ones too.
func each(t *pb.TxnRequest, visit func(*pb.RequestOp)) {
	for _, branch := range [][]*pb.RequestOp{t.GetSuccess(), t.GetFailure()} {
		for _, op := range branch {
			visit(op)
			if nested := op.GetRequestTxn(); nested != nil {
				each(nested, visit)
			}
		}
	}
}

// meetings calls `visit` with each put that a delete to the end covers, whatever branches they are in.
func meetings(t *pb.TxnRequest, visit func(*pb.PutRequest)) {
	var from [][]byte
	each(t, func(op *pb.RequestOp) {
		if d := op.GetRequestDeleteRange(); d != nil && bytes.Equal(d.RangeEnd, toTheEnd) {
			from = append(from, d.Key)
		}
	})
	each(t, func(op *pb.RequestOp) {
		put := op.GetRequestPut()
		if put == nil {
			return
		}
		for _, key := range from {
			if bytes.Compare(put.Key, key) >= 0 {
				visit(put)
				return
			}
		}
	})
}

func deletesToTheEndAndPuts(t *pb.TxnRequest) bool {
	found := false
	meetings(t, func(*pb.PutRequest) { found = true })
	return found
}

func keepsWhatItDeletes(t *pb.TxnRequest) bool {
	found := false
	meetings(t, func(put *pb.PutRequest) { found = found || put.IgnoreValue || put.IgnoreLease })
	return found
}
