package clientv3_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestPutAndGetCarryEveryField(t *testing.T) {
	f := setUp(t)
	first := f.put("k", "one")
	second := f.put("k", "two")
	equal(t, "revisions are dense", second, first+1)

	resp := f.get("k")
	kv := resp.Kvs[0]
	equal(t, "create", kv.CreateRevision, first)
	equal(t, "mod", kv.ModRevision, second)
	equal(t, "version", kv.Version, int64(2))
	equal(t, "lease", kv.Lease, int64(0))
	equal(t, "value", string(kv.Value), "two")
	equal(t, "count", resp.Count, int64(1))
	equal(t, "more", resp.More, false)
	equal(t, "header revision", resp.Header.Revision, second)
	if resp.Header.ClusterId == 0 || resp.Header.MemberId == 0 || resp.Header.RaftTerm == 0 {
		t.Errorf("header has zero ids or term: %v", resp.Header)
	}
}

func TestADeletedKeyStartsAnew(t *testing.T) {
	f := setUp(t)
	f.put("k", "one")
	f.del("k")
	rev := f.put("k", "two")
	kv := f.get("k").Kvs[0]
	equal(t, "create", kv.CreateRevision, rev)
	equal(t, "version", kv.Version, int64(1))
}

func TestPutReturnsThePreviousPair(t *testing.T) {
	f := setUp(t)
	resp, err := f.Put(f.ctx, f.key("k"), "one", clientv3.WithPrevKV())
	if err != nil || resp.PrevKv != nil {
		t.Fatalf("first put: %v, previous %v", err, resp.PrevKv)
	}
	resp, err = f.Put(f.ctx, f.key("k"), "two", clientv3.WithPrevKV())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "previous", string(resp.PrevKv.Value), "one")
	equal(t, "previous version", resp.PrevKv.Version, int64(1))
}

func TestPutCanKeepValueOrLease(t *testing.T) {
	f := setUp(t)
	lease, err := f.Grant(f.ctx, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Revoke(f.ctx, lease.ID)
	f.put("k", "one", clientv3.WithLease(lease.ID))
	f.put("k", "two", clientv3.WithIgnoreLease())
	kv := f.get("k").Kvs[0]
	equal(t, "lease kept", kv.Lease, int64(lease.ID))
	equal(t, "value changed", string(kv.Value), "two")

	f.put("k", "", clientv3.WithIgnoreValue())
	kv = f.get("k").Kvs[0]
	equal(t, "value kept", string(kv.Value), "two")
	equal(t, "lease dropped", kv.Lease, int64(0))
	equal(t, "version", kv.Version, int64(3))

	_, err = f.Put(f.ctx, f.key("none"), "", clientv3.WithIgnoreValue())
	refused(t, "ignore value of a missing key", err, rpctypes.ErrKeyNotFound)
	_, err = f.Put(f.ctx, f.key("none"), "v", clientv3.WithIgnoreLease())
	refused(t, "ignore lease of a missing key", err, rpctypes.ErrKeyNotFound)
}

func TestPutRefusesWhatEtcdRefuses(t *testing.T) {
	f := setUp(t)
	_, err := f.Put(f.ctx, "", "v")
	refused(t, "empty key", err, rpctypes.ErrEmptyKey)
	_, err = f.Put(f.ctx, f.key("k"), "v", clientv3.WithLease(0x7ead))
	refused(t, "unknown lease", err, rpctypes.ErrLeaseNotFound)
	_, err = f.Put(f.ctx, f.key("k"), strings.Repeat("x", 1600*1024))
	refused(t, "too large", err, rpctypes.ErrRequestTooLarge)
	equal(t, "nothing was written", f.value("k"), "<none>")
}

func TestValuesAreBytes(t *testing.T) {
	f := setUp(t)
	raw := make([]byte, 256)
	for i := range raw {
		raw[i] = byte(i)
	}
	f.put(string(raw), string(raw))
	resp := f.get(string(raw))
	equal(t, "value", fmt.Sprintf("%x", resp.Kvs[0].Value), fmt.Sprintf("%x", raw))
	f.put("empty", "")
	equal(t, "an empty value", f.value("empty"), "")
	big := strings.Repeat("0123456789abcdef", 64*1024)
	f.put("big", big)
	equal(t, "a value of 1 MiB", f.value("big") == big, true)
}

func fill(f *fixture) (first int64) {
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		rev := f.put(name, fmt.Sprintf("v%d", 9-i))
		if i == 0 {
			first = rev
		}
	}
	f.put("b", "v0")
	f.put("b", "v1")
	return first
}

func TestRangesSelectSortAndLimit(t *testing.T) {
	f := setUp(t)
	first := fill(f)
	all := func(opts ...clientv3.OpOption) []string {
		t.Helper()
		return f.names(f.get("", append(opts, clientv3.WithPrefix())...))
	}
	key := clientv3.SortByKey
	equal(t, "prefix", all(), []string{"a", "b", "c", "d", "e"})
	equal(t, "descending", all(clientv3.WithSort(key, clientv3.SortDescend)), []string{"e", "d", "c", "b", "a"})
	equal(t, "by version", all(clientv3.WithSort(clientv3.SortByVersion, clientv3.SortDescend), clientv3.WithLimit(1)), []string{"b"})
	equal(t, "by create", all(clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortDescend)), []string{"e", "d", "c", "b", "a"})
	equal(t, "by mod", all(clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortAscend)), []string{"a", "c", "d", "e", "b"})
	equal(t, "by value", all(clientv3.WithSort(clientv3.SortByValue, clientv3.SortAscend)), []string{"b", "e", "d", "c", "a"})
	equal(t, "min mod", all(clientv3.WithMinModRev(first+4)), []string{"b", "e"})
	equal(t, "max mod", all(clientv3.WithMaxModRev(first+2)), []string{"a", "c"})
	equal(t, "min create", all(clientv3.WithMinCreateRev(first+3)), []string{"d", "e"})
	equal(t, "max create", all(clientv3.WithMaxCreateRev(first+1)), []string{"a", "b"})
	equal(t, "first created", f.names(f.get("", clientv3.WithFirstCreate()...)), []string{"a"})
	equal(t, "last created", f.names(f.get("", clientv3.WithLastCreate()...)), []string{"e"})
	equal(t, "last modified", f.names(f.get("", clientv3.WithLastRev()...)), []string{"b"})
	equal(t, "half-open", f.names(f.get("b", clientv3.WithRange(f.key("d")))), []string{"b", "c"})
	equal(t, "empty when reversed", f.names(f.get("d", clientv3.WithRange(f.key("b")))), []string{})
	equal(t, "at a revision", all(clientv3.WithRev(first+1)), []string{"a", "b"})
	equal(t, "serializable", all(clientv3.WithSerializable()), []string{"a", "b", "c", "d", "e"})
}

func TestLimitCountAndMoreAgree(t *testing.T) {
	f := setUp(t)
	fill(f)
	resp := f.get("", clientv3.WithPrefix(), clientv3.WithLimit(2))
	equal(t, "names", f.names(resp), []string{"a", "b"})
	equal(t, "more", resp.More, true)
	equal(t, "count is of all", resp.Count, int64(5))
	resp = f.get("", clientv3.WithPrefix(), clientv3.WithLimit(5))
	equal(t, "more at the exact limit", resp.More, false)
	resp = f.get("", clientv3.WithPrefix(), clientv3.WithCountOnly())
	equal(t, "count only", resp.Count, int64(5))
	equal(t, "count only has no pairs", len(resp.Kvs), 0)
	resp = f.get("", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	equal(t, "keys only", f.names(resp), []string{"a", "b", "c", "d", "e"})
	for _, kv := range resp.Kvs {
		equal(t, "no value", len(kv.Value), 0)
		equal(t, "but revisions", kv.ModRevision > 0 && kv.Version > 0, true)
	}
}

func TestFromKeyReachesTheEnd(t *testing.T) {
	f := setUp(t)
	fill(f)
	resp := f.get("c", clientv3.WithFromKey(), clientv3.WithLimit(3))
	equal(t, "from key", f.names(resp), []string{"c", "d", "e"})
}

func TestReadsAtRevisions(t *testing.T) {
	f := setUp(t)
	one := f.put("k", "one")
	two := f.put("k", "two")
	gone := f.del("k")
	equal(t, "before", len(f.get("k", clientv3.WithRev(one-1)).Kvs), 0)
	equal(t, "first", string(f.get("k", clientv3.WithRev(one)).Kvs[0].Value), "one")
	equal(t, "second", string(f.get("k", clientv3.WithRev(two)).Kvs[0].Value), "two")
	equal(t, "deleted", len(f.get("k", clientv3.WithRev(gone)).Kvs), 0)
	equal(t, "header is of now", f.get("k", clientv3.WithRev(one)).Header.Revision, gone)
	_, err := f.Get(f.ctx, f.key("k"), clientv3.WithRev(gone+1000000))
	refused(t, "future revision", err, rpctypes.ErrFutureRev)
	_, err = f.Get(f.ctx, "")
	refused(t, "empty key", err, rpctypes.ErrEmptyKey)
}

func TestDeleteCountsAndReturnsPrevious(t *testing.T) {
	f := setUp(t)
	fill(f)
	resp, err := f.Delete(f.ctx, f.key("a"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "one", resp.Deleted, int64(1))
	before := resp.Header.Revision
	resp, err = f.Delete(f.ctx, f.key("a"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "none", resp.Deleted, int64(0))
	equal(t, "deleting nothing makes no revision", resp.Header.Revision, before)
	resp, err = f.Delete(f.ctx, f.key("b"), clientv3.WithRange(f.key("d")), clientv3.WithPrevKV())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "range", resp.Deleted, int64(2))
	equal(t, "one revision for all", resp.Header.Revision, before+1)
	equal(t, "previous", string(resp.PrevKvs[0].Value)+string(resp.PrevKvs[1].Value), "v1v7")
	equal(t, "left", f.names(f.get("", clientv3.WithPrefix())), []string{"d", "e"})
	_, err = f.Delete(f.ctx, "")
	refused(t, "empty key", err, rpctypes.ErrEmptyKey)
}

func TestRangeStreamGivesWhatRangeGives(t *testing.T) {
	f := setUp(t)
	for i := 0; i < 300; i++ {
		f.put(fmt.Sprintf("%04d", i), strings.Repeat("x", 5000))
	}
	whole := f.get("", clientv3.WithPrefix())
	stream, err := f.GetStream(f.ctx, f.key(""), clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	got, err := clientv3.GetStreamToGetResponse(stream)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "count", got.Count, whole.Count)
	equal(t, "names", f.names(got), f.names(whole))
	equal(t, "revision", got.Header.Revision, whole.Header.Revision)
}

func TestManyClientsWriteAtOnce(t *testing.T) {
	f := setUp(t)
	const writers, each = 32, 20
	seen := make([][]int64, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				resp, err := f.Put(f.ctx, f.key(fmt.Sprintf("%d/%d", w, i)), "v")
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				seen[w] = append(seen[w], resp.Header.Revision)
			}
		}()
	}
	wg.Wait()
	unique := map[int64]bool{}
	for _, revs := range seen {
		for i, rev := range revs {
			if unique[rev] {
				t.Fatalf("revision %d was acknowledged twice", rev)
			}
			unique[rev] = true
			if i > 0 && rev <= revs[i-1] {
				t.Fatalf("revisions of one writer go back: %v", revs)
			}
		}
	}
	equal(t, "all there", f.get("", clientv3.WithPrefix(), clientv3.WithCountOnly()).Count, int64(writers*each))
}
