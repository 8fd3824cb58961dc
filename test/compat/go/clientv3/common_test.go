// Package clientv3_test holds what real etcd's Go client must see from a server: every test
// passes on real etcd and runs against whatever QUORATE_TEST_ENDPOINT names.
package clientv3_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const endpointVariable = "QUORATE_TEST_ENDPOINT"

var prefixCount atomic.Int64

// fixture is one client and a prefix that no other test has; the prefix is emptied at the end.
type fixture struct {
	*clientv3.Client
	t      *testing.T
	ctx    context.Context
	prefix string
}

func endpoint(t *testing.T) string {
	t.Helper()
	ep := os.Getenv(endpointVariable)
	if ep == "" {
		t.Skipf("%s is not set", endpointVariable)
	}
	return ep
}

func newClient(t *testing.T) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint(t)},
		DialTimeout: 5 * time.Second,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	c := newClient(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	f := &fixture{
		Client: c,
		t:      t,
		ctx:    ctx,
		prefix: fmt.Sprintf("%s-%d-%d/", t.Name(), os.Getpid(), prefixCount.Add(1)),
	}
	t.Cleanup(func() {
		cancel()
		wipe, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		// The client's own clean-up runs after this one.
		c.Delete(wipe, f.prefix, clientv3.WithPrefix())
	})
	return f
}

func (f *fixture) key(name string) string { return f.prefix + name }

func (f *fixture) put(name, value string, opts ...clientv3.OpOption) int64 {
	f.t.Helper()
	resp, err := f.Put(f.ctx, f.key(name), value, opts...)
	if err != nil {
		f.t.Fatalf("put %s: %v", name, err)
	}
	return resp.Header.Revision
}

func (f *fixture) del(name string, opts ...clientv3.OpOption) int64 {
	f.t.Helper()
	resp, err := f.Delete(f.ctx, f.key(name), opts...)
	if err != nil {
		f.t.Fatalf("delete %s: %v", name, err)
	}
	return resp.Header.Revision
}

func (f *fixture) get(name string, opts ...clientv3.OpOption) *clientv3.GetResponse {
	f.t.Helper()
	resp, err := f.Get(f.ctx, f.key(name), opts...)
	if err != nil {
		f.t.Fatalf("get %s: %v", name, err)
	}
	return resp
}

// value is the value of a key, "<none>" when it is not there.
func (f *fixture) value(name string) string {
	f.t.Helper()
	resp := f.get(name)
	if len(resp.Kvs) == 0 {
		return "<none>"
	}
	return string(resp.Kvs[0].Value)
}

func (f *fixture) names(resp *clientv3.GetResponse) []string {
	out := []string{}
	for _, kv := range resp.Kvs {
		out = append(out, string(kv.Key[len(f.prefix):]))
	}
	return out
}

// events reads exactly n events, whichever way they are batched.
func (f *fixture) events(ch clientv3.WatchChan, n int) []*clientv3.Event {
	f.t.Helper()
	out := []*clientv3.Event{}
	timeout := time.After(10 * time.Second)
	for len(out) < n {
		select {
		case resp, open := <-ch:
			if !open {
				f.t.Fatalf("watch channel closed after %d of %d events", len(out), n)
			}
			if err := resp.Err(); err != nil {
				f.t.Fatalf("watch: %v after %d of %d events", err, len(out), n)
			}
			out = append(out, resp.Events...)
		case <-timeout:
			f.t.Fatalf("%d of %d events within 10 s", len(out), n)
		}
	}
	if len(out) > n {
		f.t.Fatalf("%d events where %d were expected", len(out), n)
	}
	return out
}

// describe writes an event as `PUT name value @revision`.
func (f *fixture) describe(events []*clientv3.Event) []string {
	out := []string{}
	for _, ev := range events {
		name := string(ev.Kv.Key[len(f.prefix):])
		if ev.Type == clientv3.EventTypeDelete {
			out = append(out, fmt.Sprintf("DELETE %s @%d", name, ev.Kv.ModRevision))
		} else {
			out = append(out, fmt.Sprintf("PUT %s %s @%d", name, ev.Kv.Value, ev.Kv.ModRevision))
		}
	}
	return out
}

// quiet fails when anything arrives within a short while.
func (f *fixture) quiet(ch clientv3.WatchChan) {
	f.t.Helper()
	select {
	case resp, open := <-ch:
		f.t.Fatalf("unexpected response: open=%v %+v", open, resp)
	case <-time.After(300 * time.Millisecond):
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s:\n  got  %s\n  want %s", what, g, w)
	}
}

func refused(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) && rpctypes.Error(err) != want {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// compactionTest is held by tests that compact: the revision they compact is everyone's.
// The tests of this package run one after another, so nothing else reads old revisions meanwhile.
func (f *fixture) compact(rev int64, opts ...clientv3.CompactOption) {
	f.t.Helper()
	if _, err := f.Compact(f.ctx, rev, opts...); err != nil {
		f.t.Fatalf("compact %d: %v", rev, err)
	}
}
