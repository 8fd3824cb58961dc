package clientv3_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

func TestCompactionHidesThePast(t *testing.T) {
	f := setUp(t)
	one := f.put("k", "one")
	two := f.put("k", "two")
	three := f.put("k", "three")
	f.compact(two, clientv3.WithCompactPhysical())
	_, err := f.Get(f.ctx, f.key("k"), clientv3.WithRev(one))
	refused(t, "below", err, rpctypes.ErrCompacted)
	equal(t, "at it", string(f.get("k", clientv3.WithRev(two)).Kvs[0].Value), "two")
	equal(t, "above it", string(f.get("k", clientv3.WithRev(three)).Kvs[0].Value), "three")
	_, err = f.Compact(f.ctx, two)
	refused(t, "twice", err, rpctypes.ErrCompacted)
	_, err = f.Compact(f.ctx, one)
	refused(t, "backwards", err, rpctypes.ErrCompacted)
	_, err = f.Compact(f.ctx, three+1000000)
	refused(t, "the future", err, rpctypes.ErrFutureRev)
	_, err = f.Txn(f.ctx).Then(clientv3.OpGet(f.key("k"), clientv3.WithRev(one))).Commit()
	refused(t, "in a txn", err, rpctypes.ErrCompacted)
	equal(t, "compaction makes no revision", f.get("k").Header.Revision, three)
}

func TestCompactionKeepsWhatIsStillVisible(t *testing.T) {
	f := setUp(t)
	f.put("old", "kept")
	f.put("dead", "x")
	f.del("dead")
	rev := f.put("new", "x")
	f.compact(rev)
	equal(t, "names", f.names(f.get("", clientv3.WithPrefix(), clientv3.WithRev(rev))), []string{"new", "old"})
	equal(t, "version", f.get("old").Kvs[0].Version, int64(1))
	again := f.put("dead", "y")
	equal(t, "a new life", f.get("dead").Kvs[0].CreateRevision, again)
}

func TestStatusTellsOfTheMember(t *testing.T) {
	f := setUp(t)
	rev := f.put("k", "v")
	status, err := f.Status(f.ctx, endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(status.Version, "3.") {
		t.Errorf("version %q", status.Version)
	}
	equal(t, "it leads itself", status.Leader, status.Header.MemberId)
	equal(t, "learner", status.IsLearner, false)
	equal(t, "revision", status.Header.Revision, rev)
	equal(t, "errors", len(status.Errors), 0)
	if status.RaftIndex == 0 || status.RaftTerm == 0 || status.RaftAppliedIndex == 0 ||
		status.RaftAppliedIndex > status.RaftIndex || status.DbSize <= 0 {
		t.Errorf("status: %v", status)
	}
	alarms, err := f.AlarmList(f.ctx)
	if err != nil || len(alarms.Alarms) != 0 {
		t.Errorf("alarms: %v %v", alarms, err)
	}
}

func TestTheOnlyMemberIsListed(t *testing.T) {
	f := setUp(t)
	list, err := f.MemberList(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "members", len(list.Members), 1)
	m := list.Members[0]
	equal(t, "id", m.ID, list.Header.MemberId)
	equal(t, "learner", m.IsLearner, false)
	if m.Name == "" || len(m.PeerURLs) == 0 || len(m.ClientURLs) == 0 {
		t.Errorf("member: %v", m)
	}
}

func TestSyncFindsTheAdvertisedEndpoints(t *testing.T) {
	f := setUp(t)
	list, err := f.MemberList(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(f.ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "endpoints", f.Endpoints(), list.Members[0].ClientURLs)
	f.put("k", "through the new endpoint")
}

func TestAutoSyncFindsTheAdvertisedEndpoints(t *testing.T) {
	f := setUp(t)
	list, err := f.MemberList(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientv3.New(clientv3.Config{
		Endpoints:        []string{endpoint(t)},
		DialTimeout:      5 * time.Second,
		AutoSyncInterval: 100 * time.Millisecond,
		Logger:           zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := strings.Join(list.Members[0].ClientURLs, ",")
	for range 100 {
		if strings.Join(c.Endpoints(), ",") == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("endpoints after 5 s: %v, want %s", c.Endpoints(), want)
}

func TestRequiringALeaderWorksWhereThereIsOne(t *testing.T) {
	f := setUp(t)
	ctx := clientv3.WithRequireLeader(f.ctx)
	if _, err := f.Put(ctx, f.key("k"), "v"); err != nil {
		t.Fatal(err)
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	ch := f.created(watching, "k")
	f.put("k", "w")
	f.events(ch, 1)
}

func TestAuthIsOff(t *testing.T) {
	f := setUp(t)
	status, err := f.AuthStatus(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "enabled", status.Enabled, false)
	_, err = f.Authenticate(f.ctx, "root", "secret")
	refused(t, "authenticate", err, rpctypes.ErrAuthNotEnabled)
}

func TestACancelledCallEndsAtOnce(t *testing.T) {
	f := setUp(t)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if _, err := f.Put(ctx, f.key("k"), "v"); err == nil {
		t.Error("a cancelled put succeeded")
	}
	ctx, cancel = context.WithTimeout(f.ctx, time.Nanosecond)
	defer cancel()
	if _, err := f.Get(ctx, f.key("k")); err == nil {
		t.Error("an expired get succeeded")
	}
}
