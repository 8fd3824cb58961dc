package clientv3_test

import (
	"fmt"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func (f *fixture) holds(cmps ...clientv3.Cmp) bool {
	f.t.Helper()
	resp, err := f.Txn(f.ctx).If(cmps...).Commit()
	if err != nil {
		f.t.Fatalf("txn: %v", err)
	}
	return resp.Succeeded
}

func TestEveryComparisonOfATxn(t *testing.T) {
	f := setUp(t)
	lease, err := f.Grant(f.ctx, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Revoke(f.ctx, lease.ID)
	create := f.put("k", "m")
	mod := f.put("k", "m", clientv3.WithLease(lease.ID))
	k, none := f.key("k"), f.key("none")
	for _, c := range []struct {
		cmp  clientv3.Cmp
		want bool
	}{
		{clientv3.Compare(clientv3.Value(k), "=", "m"), true},
		{clientv3.Compare(clientv3.Value(k), "!=", "m"), false},
		{clientv3.Compare(clientv3.Value(k), "<", "n"), true},
		{clientv3.Compare(clientv3.Value(k), ">", "l"), true},
		{clientv3.Compare(clientv3.Value(k), ">", "m"), false},
		{clientv3.Compare(clientv3.Version(k), "=", 2), true},
		{clientv3.Compare(clientv3.Version(k), ">", 2), false},
		{clientv3.Compare(clientv3.Version(k), "<", 3), true},
		{clientv3.Compare(clientv3.CreateRevision(k), "=", create), true},
		{clientv3.Compare(clientv3.CreateRevision(k), "!=", create), false},
		{clientv3.Compare(clientv3.ModRevision(k), "=", mod), true},
		{clientv3.Compare(clientv3.ModRevision(k), "<", mod), false},
		{clientv3.Compare(clientv3.LeaseValue(k), "=", lease.ID), true},
		{clientv3.Compare(clientv3.LeaseValue(k), "=", 0), false},
		{clientv3.Compare(clientv3.Version(none), "=", 0), true},
		{clientv3.Compare(clientv3.CreateRevision(none), "=", 0), true},
		{clientv3.Compare(clientv3.ModRevision(none), "=", 0), true},
		{clientv3.Compare(clientv3.LeaseValue(none), "=", 0), true},
		{clientv3.Compare(clientv3.Value(none), "=", ""), false},
		{clientv3.Compare(clientv3.Value(none), "!=", ""), false},
	} {
		if got := f.holds(c.cmp); got != c.want {
			t.Errorf("%v: got %v", c.cmp, got)
		}
	}
	equal(t, "no comparison holds", f.holds(), true)
	yes := clientv3.Compare(clientv3.Version(k), "=", 2)
	no := clientv3.Compare(clientv3.Version(k), "=", 3)
	equal(t, "all must hold", f.holds(yes, no), false)
	equal(t, "a txn of comparisons makes no revision", f.get("k").Header.Revision, mod)
}

func TestAComparisonOverARange(t *testing.T) {
	f := setUp(t)
	f.put("a", "x")
	f.put("b", "x")
	same := clientv3.Compare(clientv3.Value(f.key("")).WithPrefix(), "=", "x")
	equal(t, "all equal", f.holds(same), true)
	f.put("c", "y")
	equal(t, "one differs", f.holds(same), false)
	empty := clientv3.Compare(clientv3.CreateRevision(f.key("zz")).WithPrefix(), "=", 0)
	equal(t, "an empty range is created at 0", f.holds(empty), true)
	withEnd := clientv3.Compare(clientv3.Value(f.key("a")).WithRange(f.key("c")), "=", "x")
	equal(t, "half-open", f.holds(withEnd), true)
}

func TestATxnIsOneRevisionAndSeesItself(t *testing.T) {
	f := setUp(t)
	before := f.put("a", "1")
	resp, err := f.Txn(f.ctx).Then(
		clientv3.OpPut(f.key("a"), "2", clientv3.WithPrevKV()),
		clientv3.OpGet(f.key("a")),
		clientv3.OpPut(f.key("b"), "3"),
		clientv3.OpGet(f.key(""), clientv3.WithPrefix()),
		clientv3.OpDelete(f.key("gone"), clientv3.WithPrevKV()),
	).Commit()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "revision", resp.Header.Revision, before+1)
	equal(t, "previous", string(resp.Responses[0].GetResponsePut().PrevKv.Value), "1")
	equal(t, "reads its own write", string(resp.Responses[1].GetResponseRange().Kvs[0].Value), "2")
	equal(t, "and all of them", resp.Responses[3].GetResponseRange().Count, int64(2))
	equal(t, "deleted none", resp.Responses[4].GetResponseDeleteRange().Deleted, int64(0))
	for _, name := range []string{"a", "b"} {
		equal(t, "mod of "+name, f.get(name).Kvs[0].ModRevision, before+1)
	}
}

func TestTheElseBranchRuns(t *testing.T) {
	f := setUp(t)
	resp, err := f.Txn(f.ctx).
		If(clientv3.Compare(clientv3.Version(f.key("k")), ">", 0)).
		Then(clientv3.OpPut(f.key("k"), "then")).
		Else(clientv3.OpPut(f.key("k"), "else"), clientv3.OpGet(f.key("k"))).
		Commit()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "succeeded", resp.Succeeded, false)
	equal(t, "responses", len(resp.Responses), 2)
	equal(t, "value", f.value("k"), "else")
}

func TestNestedTxns(t *testing.T) {
	f := setUp(t)
	f.put("a", "1")
	absent := clientv3.Compare(clientv3.Version(f.key("z")), "=", 0)
	present := clientv3.Compare(clientv3.Version(f.key("z")), ">", 0)
	resp, err := f.Txn(f.ctx).If(absent).Then(
		clientv3.OpPut(f.key("a"), "2"),
		clientv3.OpTxn(
			[]clientv3.Cmp{absent},
			[]clientv3.Op{
				clientv3.OpPut(f.key("b"), "3"),
				clientv3.OpTxn([]clientv3.Cmp{present}, nil, []clientv3.Op{clientv3.OpPut(f.key("c"), "4"), clientv3.OpGet(f.key("c"))}),
			},
			[]clientv3.Op{clientv3.OpPut(f.key("never"), "x")}),
		clientv3.OpGet(f.key("b")),
	).Commit()
	if err != nil {
		t.Fatal(err)
	}
	inner := resp.Responses[1].GetResponseTxn()
	equal(t, "inner succeeded", inner.Succeeded, true)
	innermost := inner.Responses[1].GetResponseTxn()
	equal(t, "innermost took its else", innermost.Succeeded, false)
	equal(t, "innermost read its write", string(innermost.Responses[1].GetResponseRange().Kvs[0].Value), "4")
	equal(t, "outer sees inner", string(resp.Responses[2].GetResponseRange().Kvs[0].Value), "3")
	for name, want := range map[string]string{"a": "2", "b": "3", "c": "4", "never": "<none>"} {
		equal(t, name, f.value(name), want)
	}
	for _, name := range []string{"a", "b", "c"} {
		equal(t, "one revision: "+name, f.get(name).Kvs[0].ModRevision, resp.Header.Revision)
	}
}

// Each level has one operation of the share that the level around it left.
func TestTxnsNestAsDeepAsTheShareOfOperationsGoes(t *testing.T) {
	f := setUp(t)
	nested := func(levels int) error {
		op := clientv3.OpPut(f.key("a"), "1")
		for level := 1; level < levels; level++ {
			op = clientv3.OpTxn(nil, []clientv3.Op{op}, nil)
		}
		_, err := f.Txn(f.ctx).Then(op).Commit()
		return err
	}
	equal(t, "128 levels", nested(128), nil)
	equal(t, "129 levels", nested(129), rpctypes.ErrTooManyOps)
}

func TestATxnThatFailsChangesNothing(t *testing.T) {
	f := setUp(t)
	before := f.put("a", "1")
	put := clientv3.OpPut(f.key("a"), "2")
	many := make([]clientv3.Op, 0, 129)
	for i := range 129 {
		many = append(many, clientv3.OpPut(f.key(fmt.Sprint(i)), "x"))
	}
	for _, c := range []struct {
		name string
		ops  []clientv3.Op
		want error
	}{
		{"the same key twice", []clientv3.Op{put, put}, rpctypes.ErrDuplicateKey},
		{"a put inside a deleted range", []clientv3.Op{put, clientv3.OpDelete(f.key(""), clientv3.WithPrefix())}, rpctypes.ErrDuplicateKey},
		{"a put in a nested txn too", []clientv3.Op{put, clientv3.OpTxn(nil, []clientv3.Op{put}, nil)}, rpctypes.ErrDuplicateKey},
		{"an unknown lease", []clientv3.Op{put, clientv3.OpPut(f.key("b"), "1", clientv3.WithLease(0x7ead))}, rpctypes.ErrLeaseNotFound},
		{"an empty key", []clientv3.Op{put, clientv3.OpGet("")}, rpctypes.ErrEmptyKey},
		{"a future revision", []clientv3.Op{put, clientv3.OpGet(f.key("a"), clientv3.WithRev(before+1000000))}, rpctypes.ErrFutureRev},
		{"too many operations", many, rpctypes.ErrTooManyOps},
	} {
		_, err := f.Txn(f.ctx).Then(c.ops...).Commit()
		refused(t, c.name, err, c.want)
	}
	resp := f.get("", clientv3.WithPrefix())
	equal(t, "names", f.names(resp), []string{"a"})
	equal(t, "value", string(resp.Kvs[0].Value), "1")
	equal(t, "revision", resp.Header.Revision, before)
}

func TestTheSameKeyInBothBranches(t *testing.T) {
	f := setUp(t)
	resp, err := f.Txn(f.ctx).
		Then(clientv3.OpPut(f.key("k"), "then")).
		Else(clientv3.OpPut(f.key("k"), "else")).
		Commit()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "succeeded", resp.Succeeded, true)
	equal(t, "value", f.value("k"), "then")
}

func TestATxnDeletesAndPutsDifferentKeys(t *testing.T) {
	f := setUp(t)
	f.put("a/1", "x")
	f.put("a/2", "x")
	resp, err := f.Txn(f.ctx).Then(
		clientv3.OpDelete(f.key("a/"), clientv3.WithPrefix(), clientv3.WithPrevKV()),
		clientv3.OpPut(f.key("b"), "y"),
	).Commit()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "deleted", resp.Responses[0].GetResponseDeleteRange().Deleted, int64(2))
	equal(t, "previous", len(resp.Responses[0].GetResponseDeleteRange().PrevKvs), 2)
	equal(t, "left", f.names(f.get("", clientv3.WithPrefix())), []string{"b"})
}
