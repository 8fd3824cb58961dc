package clientv3_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func (f *fixture) grant(ttl int64) clientv3.LeaseID {
	f.t.Helper()
	resp, err := f.Grant(f.ctx, ttl)
	if err != nil {
		f.t.Fatalf("grant: %v", err)
	}
	equal(f.t, "granted TTL", resp.TTL, ttl)
	if resp.ID == 0 {
		f.t.Fatal("grant: id 0")
	}
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		f.Client.Revoke(ctx, resp.ID)
	})
	return resp.ID
}

func TestTimeToLiveListsTheKeys(t *testing.T) {
	f := setUp(t)
	id := f.grant(600)
	f.put("b", "x", clientv3.WithLease(id))
	f.put("a", "x", clientv3.WithLease(id))
	f.put("c", "x")
	resp, err := f.TimeToLive(f.ctx, id, clientv3.WithAttachedKeys())
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	equal(t, "keys", keys, []string{f.key("a"), f.key("b")})
	equal(t, "granted", resp.GrantedTTL, int64(600))
	if resp.TTL < 590 || resp.TTL > 600 {
		t.Errorf("remaining %d of 600", resp.TTL)
	}
	resp, err = f.TimeToLive(f.ctx, id)
	if err != nil || len(resp.Keys) != 0 {
		t.Errorf("keys that were not asked for: %v %v", err, resp.Keys)
	}
}

func TestRevokeDeletesTheKeysInOneRevision(t *testing.T) {
	f := setUp(t)
	id := f.grant(600)
	f.put("a", "x", clientv3.WithLease(id))
	f.put("b", "x", clientv3.WithLease(id))
	last := f.put("c", "x")
	ch := f.created(f.ctx, "", clientv3.WithPrefix())
	if _, err := f.Revoke(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	equal(t, "left", f.names(f.get("", clientv3.WithPrefix())), []string{"c"})
	equal(t, "events", f.describe(f.events(ch, 2)), []string{
		fmt.Sprintf("DELETE a @%d", last+1), fmt.Sprintf("DELETE b @%d", last+1)})
	_, err := f.Revoke(f.ctx, id)
	refused(t, "a second time", err, rpctypes.ErrLeaseNotFound)
	resp, err := f.TimeToLive(f.ctx, id)
	if err != nil || resp.TTL != -1 {
		t.Errorf("time to live of a revoked lease: %v %v", resp, err)
	}
}

func TestALeaseLetsGoOfAKeyThatMovesOn(t *testing.T) {
	f := setUp(t)
	one, two := f.grant(600), f.grant(600)
	f.put("moved", "x", clientv3.WithLease(one))
	f.put("moved", "x", clientv3.WithLease(two))
	f.put("freed", "x", clientv3.WithLease(one))
	f.put("freed", "x")
	f.put("gone", "x", clientv3.WithLease(one))
	f.del("gone")
	f.put("gone", "again")
	f.put("kept", "x", clientv3.WithLease(one))
	if _, err := f.Revoke(f.ctx, one); err != nil {
		t.Fatal(err)
	}
	equal(t, "left", f.names(f.get("", clientv3.WithPrefix())), []string{"freed", "gone", "moved"})
}

func TestKeepAliveOnceRenews(t *testing.T) {
	f := setUp(t)
	id := f.grant(30)
	resp, err := f.KeepAliveOnce(f.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "TTL", resp.TTL, int64(30))
	_, err = f.KeepAliveOnce(f.ctx, 0x7ead)
	refused(t, "an unknown lease", err, rpctypes.ErrLeaseNotFound)
}

func TestKeepAliveOutlivesTheTTLAndItsEndExpires(t *testing.T) {
	f := setUp(t)
	id := f.grant(2)
	f.put("k", "x", clientv3.WithLease(id))
	ctx, cancel := context.WithCancel(f.ctx)
	ch, err := f.KeepAlive(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 4*time.Second; {
		resp, open := <-ch
		if !open {
			t.Fatal("the keep-alive channel closed")
		}
		equal(t, "TTL", resp.TTL, int64(2))
	}
	equal(t, "alive after twice its TTL", f.value("k"), "x")
	watch := f.created(f.ctx, "k")
	cancel()
	equal(t, "expires", f.events(watch, 1)[0].Type, clientv3.EventTypeDelete)
}

func TestALeaseDoesNotExpireEarly(t *testing.T) {
	f := setUp(t)
	watch := f.created(f.ctx, "k")
	before := time.Now()
	id := f.grant(2)
	f.put("k", "x", clientv3.WithLease(id))
	f.events(watch, 1)
	got := f.events(watch, 1)
	lived := time.Since(before)
	equal(t, "type", got[0].Type, clientv3.EventTypeDelete)
	if lived < 1900*time.Millisecond || lived > 6*time.Second {
		t.Errorf("a lease of 2 s lived %v", lived)
	}
	resp, err := f.TimeToLive(f.ctx, id)
	if err != nil || resp.TTL != -1 {
		t.Errorf("time to live of an expired lease: %v %v", resp, err)
	}
}

func TestGrantRefusesWhatEtcdRefuses(t *testing.T) {
	f := setUp(t)
	id := f.grant(600)
	_, err := f.Grant(f.ctx, 9000000001)
	refused(t, "too large", err, rpctypes.ErrLeaseTTLTooLarge)
	all, err := f.Leases(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(all.Leases, func(l clientv3.LeaseStatus) bool { return l.ID == id })
	equal(t, "listed", found, true)
	_, err = f.Revoke(f.ctx, 0x7ead)
	refused(t, "revoke of an unknown lease", err, rpctypes.ErrLeaseNotFound)
}

func TestManyLeasesAreKeptOnOneStream(t *testing.T) {
	f := setUp(t)
	const leases = 50
	chans := []<-chan *clientv3.LeaseKeepAliveResponse{}
	for range leases {
		ch, err := f.KeepAlive(f.ctx, f.grant(3))
		if err != nil {
			t.Fatal(err)
		}
		chans = append(chans, ch)
	}
	for i, ch := range chans {
		for range 3 {
			select {
			case resp, open := <-ch:
				if !open || resp.TTL != 3 {
					t.Fatalf("lease %d: open=%v %v", i, open, resp)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("lease %d: no keep-alive within 5 s", i)
			}
		}
	}
}

func TestClosingALessorEndsItsKeepAlives(t *testing.T) {
	f := setUp(t)
	id := f.grant(600)
	lessor := clientv3.NewLease(f.Client)
	ch, err := lessor.KeepAlive(f.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	<-ch
	if err := lessor.Close(); err != nil {
		t.Fatal(err)
	}
	for range ch {
	}
	resp, err := f.TimeToLive(f.ctx, id)
	if err != nil || resp.TTL < 590 {
		t.Errorf("the lease itself lives on: %v %v", resp, err)
	}
}
