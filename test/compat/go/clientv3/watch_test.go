package clientv3_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// created waits for the server to say that the watch stands.
func (f *fixture) created(ctx context.Context, name string, opts ...clientv3.OpOption) clientv3.WatchChan {
	f.t.Helper()
	ch := f.Watch(ctx, f.key(name), append(opts, clientv3.WithCreatedNotify())...)
	select {
	case resp := <-ch:
		if !resp.Created || resp.Err() != nil {
			f.t.Fatalf("watch: not created: %+v", resp)
		}
	case <-time.After(5 * time.Second):
		f.t.Fatal("watch: nothing within 5 s")
	}
	return ch
}

func TestAWatchSeesWhatComes(t *testing.T) {
	f := setUp(t)
	ch := f.created(f.ctx, "k")
	one := f.put("k", "one")
	f.put("other", "x")
	two := f.put("k", "two")
	gone := f.del("k")
	got := f.events(ch, 3)
	equal(t, "events", f.describe(got), []string{
		fmt.Sprintf("PUT k one @%d", one), fmt.Sprintf("PUT k two @%d", two), fmt.Sprintf("DELETE k @%d", gone)})
	equal(t, "created", got[0].IsCreate(), true)
	equal(t, "modified", got[1].IsModify(), true)
	equal(t, "version", got[1].Kv.Version, int64(2))
	equal(t, "no previous unless asked", got[1].PrevKv == nil, true)
	equal(t, "a delete has no version", got[2].Kv.Version, int64(0))
	f.quiet(ch)
}

func TestAWatchFromThePastSeesHistoryThenTheFuture(t *testing.T) {
	f := setUp(t)
	one := f.put("k", "one")
	two := f.put("k", "two")
	gone := f.del("k")
	ch := f.Watch(f.ctx, f.key("k"), clientv3.WithRev(one))
	three := f.put("k", "three")
	equal(t, "events", f.describe(f.events(ch, 4)), []string{
		fmt.Sprintf("PUT k one @%d", one), fmt.Sprintf("PUT k two @%d", two),
		fmt.Sprintf("DELETE k @%d", gone), fmt.Sprintf("PUT k three @%d", three)})
	ch = f.Watch(f.ctx, f.key("k"), clientv3.WithRev(two))
	equal(t, "from the middle", f.describe(f.events(ch, 3))[0], fmt.Sprintf("PUT k two @%d", two))
}

func TestAWatchFromTheFutureWaitsForIt(t *testing.T) {
	f := setUp(t)
	now := f.put("k", "one")
	ch := f.created(f.ctx, "k", clientv3.WithRev(now+3))
	f.put("k", "two")
	f.put("k", "three")
	f.quiet(ch)
	rev := f.put("k", "four")
	equal(t, "events", f.describe(f.events(ch, 1)), []string{fmt.Sprintf("PUT k four @%d", rev)})
}

func TestAWatchOfAPrefixAndOfARange(t *testing.T) {
	f := setUp(t)
	start := f.put("first", "x")
	for _, name := range []string{"a/1", "a/2", "b/1", "c/1"} {
		f.put(name, "v")
	}
	names := func(events []*clientv3.Event) []string {
		out := []string{}
		for _, ev := range events {
			out = append(out, strings.TrimPrefix(string(ev.Kv.Key), f.prefix))
		}
		return out
	}
	prefix := f.Watch(f.ctx, f.key("a/"), clientv3.WithPrefix(), clientv3.WithRev(start))
	equal(t, "prefix", names(f.events(prefix, 2)), []string{"a/1", "a/2"})
	ranged := f.Watch(f.ctx, f.key("a/2"), clientv3.WithRange(f.key("c/1")), clientv3.WithRev(start))
	equal(t, "range", names(f.events(ranged, 2)), []string{"a/2", "b/1"})
	from := f.Watch(f.ctx, f.key("b/"), clientv3.WithFromKey(), clientv3.WithRev(start+1))
	equal(t, "from key", names(f.events(from, 2)), []string{"b/1", "c/1"})
}

func TestWatchFilters(t *testing.T) {
	f := setUp(t)
	noPut := f.created(f.ctx, "k", clientv3.WithFilterPut())
	noDelete := f.created(f.ctx, "k", clientv3.WithFilterDelete())
	start := f.put("k", "one")
	gone := f.del("k")
	equal(t, "without puts", f.describe(f.events(noPut, 1)), []string{fmt.Sprintf("DELETE k @%d", gone)})
	equal(t, "without deletes", f.describe(f.events(noDelete, 1)), []string{fmt.Sprintf("PUT k one @%d", start)})
	past := f.Watch(f.ctx, f.key("k"), clientv3.WithRev(start), clientv3.WithFilterPut())
	equal(t, "in the past", f.describe(f.events(past, 1)), []string{fmt.Sprintf("DELETE k @%d", gone)})
	f.quiet(noPut)
	f.quiet(noDelete)
}

func TestAWatchWithPreviousPairs(t *testing.T) {
	f := setUp(t)
	live := f.created(f.ctx, "k", clientv3.WithPrevKV())
	one := f.put("k", "one")
	f.put("k", "two")
	f.del("k")
	check := func(what string, got []*clientv3.Event) {
		t.Helper()
		equal(t, what+": none before the first", got[0].PrevKv == nil, true)
		equal(t, what+": before the second", string(got[1].PrevKv.Value), "one")
		equal(t, what+": before the delete", string(got[2].PrevKv.Value), "two")
		equal(t, what+": its version", got[2].PrevKv.Version, int64(2))
	}
	check("live", f.events(live, 3))
	check("past", f.events(f.Watch(f.ctx, f.key("k"), clientv3.WithRev(one), clientv3.WithPrevKV()), 3))
}

func TestProgressOnRequest(t *testing.T) {
	f := setUp(t)
	ch := f.created(f.ctx, "k")
	rev := f.put("other", "x")
	deadline := time.After(10 * time.Second)
	for {
		if err := f.RequestProgress(f.ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case resp := <-ch:
			if !resp.IsProgressNotify() {
				t.Fatalf("not a progress notification: %+v", resp)
			}
			if resp.Header.Revision < rev {
				continue
			}
			return
		case <-time.After(500 * time.Millisecond):
		case <-deadline:
			t.Fatal("no progress within 10 s")
		}
	}
}

func TestProgressNeverRunsAheadOfEvents(t *testing.T) {
	f := setUp(t)
	ch := f.created(f.ctx, "k")
	go func() {
		for i := range 200 {
			f.Put(f.ctx, f.key("k"), fmt.Sprint(i))
			if i%10 == 0 {
				f.RequestProgress(f.ctx)
			}
		}
	}()
	var seen, progressed int64
	for n := 0; n < 200; {
		select {
		case resp := <-ch:
			if resp.IsProgressNotify() {
				progressed = resp.Header.Revision
				continue
			}
			for _, ev := range resp.Events {
				if ev.Kv.ModRevision <= progressed || ev.Kv.ModRevision <= seen {
					t.Fatalf("event at %d after progress %d and event %d", ev.Kv.ModRevision, progressed, seen)
				}
				seen = ev.Kv.ModRevision
				n++
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of 200 events", n)
		}
	}
}

func TestACancelledWatchEndsAndOthersGoOn(t *testing.T) {
	f := setUp(t)
	ctx, cancel := context.WithCancel(f.ctx)
	one := f.created(ctx, "k")
	other := f.created(f.ctx, "k")
	cancel()
	for range one {
	}
	rev := f.put("k", "x")
	equal(t, "the other", f.describe(f.events(other, 1)), []string{fmt.Sprintf("PUT k x @%d", rev)})
}

func TestClosingAWatcherClosesItsChannels(t *testing.T) {
	f := setUp(t)
	w := clientv3.NewWatcher(f.Client)
	ch := w.Watch(f.ctx, f.key("k"), clientv3.WithCreatedNotify())
	<-ch
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range ch {
	}
}

func TestManyWatchersOnOneStream(t *testing.T) {
	f := setUp(t)
	const watchers = 200
	chans := make([]clientv3.WatchChan, watchers)
	for i := range chans {
		chans[i] = f.created(f.ctx, fmt.Sprintf("%03d", i%100))
	}
	want := make([][]string, 100)
	for round := range 3 {
		for i := range 100 {
			rev := f.put(fmt.Sprintf("%03d", i), fmt.Sprint(round))
			want[i] = append(want[i], fmt.Sprintf("PUT %03d %d @%d", i, round, rev))
		}
	}
	for i, ch := range chans {
		equal(t, fmt.Sprintf("watcher %d", i), f.describe(f.events(ch, 3)), want[i%100])
	}
}

func TestATxnArrivesInOneResponse(t *testing.T) {
	f := setUp(t)
	ch := f.created(f.ctx, "", clientv3.WithPrefix())
	ops := []clientv3.Op{}
	for i := range 50 {
		ops = append(ops, clientv3.OpPut(f.key(fmt.Sprintf("%02d", i)), "v"))
	}
	resp, err := f.Txn(f.ctx).Then(ops...).Commit()
	if err != nil {
		t.Fatal(err)
	}
	got := <-ch
	equal(t, "events in the one response", len(got.Events), 50)
	for i, ev := range got.Events {
		equal(t, "order", string(ev.Kv.Key), f.key(fmt.Sprintf("%02d", i)))
		equal(t, "revision", ev.Kv.ModRevision, resp.Header.Revision)
	}
}

func TestALargeRevisionArrivesWholeWithAndWithoutFragments(t *testing.T) {
	f := setUp(t)
	value := strings.Repeat("x", 100*1024)
	names := 20
	for i := range names {
		f.put(fmt.Sprintf("%02d", i), value)
	}
	for what, opts := range map[string][]clientv3.OpOption{
		"fragments": {clientv3.WithFragment(), clientv3.WithPrevKV()},
		"whole":     {clientv3.WithPrevKV()},
	} {
		ch := f.created(f.ctx, "", append(opts, clientv3.WithPrefix())...)
		f.del("", clientv3.WithPrefix())
		got := f.events(ch, names)
		for i, ev := range got {
			equal(t, what+": key", string(ev.Kv.Key), f.key(fmt.Sprintf("%02d", i)))
			if !bytes.Equal(ev.PrevKv.Value, []byte(value)) {
				t.Fatalf("%s: previous value is damaged", what)
			}
		}
		for i := range names {
			f.put(fmt.Sprintf("%02d", i), value)
		}
	}
}

func TestAWatchBelowTheCompactionIsCancelled(t *testing.T) {
	f := setUp(t)
	one := f.put("k", "one")
	two := f.put("k", "two")
	f.compact(two)
	ch := f.Watch(f.ctx, f.key("k"), clientv3.WithRev(one))
	resp := <-ch
	refused(t, "watch", resp.Err(), rpctypes.ErrCompacted)
	equal(t, "compact revision", resp.CompactRevision, two)
	equal(t, "cancelled", resp.Canceled, true)
	if _, open := <-ch; open {
		t.Error("the channel stays open")
	}
	ch = f.Watch(f.ctx, f.key("k"), clientv3.WithRev(two))
	equal(t, "from the compacted revision itself", f.describe(f.events(ch, 1)), []string{fmt.Sprintf("PUT k two @%d", two)})
}

func TestWatchersOfManyKindsKeepUpWithWriters(t *testing.T) {
	f := setUp(t)
	const writes = 500
	start := f.put("k/start", "x")
	live := f.created(f.ctx, "k/", clientv3.WithPrefix())
	for i := range writes {
		f.put(fmt.Sprintf("k/%d", i%7), fmt.Sprint(i))
	}
	late := f.Watch(f.ctx, f.key("k/"), clientv3.WithPrefix(), clientv3.WithRev(start+1))
	a := f.describe(f.events(live, writes))
	b := f.describe(f.events(late, writes))
	equal(t, "live and late see the same", a, b)
}
