package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const keyCount = 40

// Load is what the clients of one iteration do until they are cut off.
type Load struct {
	model      *Model
	endpoint   string
	ctx        context.Context
	random     *rand.Rand // only for forking one per worker
	violations *Violations
	group      sync.WaitGroup
	clients    []*clientv3.Client
}

func newLoad(ctx context.Context, model *Model, endpoint string, random *rand.Rand, v *Violations) *Load {
	return &Load{model: model, endpoint: endpoint, ctx: ctx, random: random, violations: v}
}

func fork(r *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(r.Uint64(), r.Uint64())) }

// start opens the connections, then lets workers, watchers and a compactor go.
func (l *Load) start(workers int) error {
	connections := 1 + l.random.IntN(6)
	for range connections {
		c, err := newClient(l.endpoint)
		if err != nil {
			return err
		}
		l.clients = append(l.clients, c)
	}
	for i := range 1 + l.random.IntN(3) {
		l.watch(l.clients[i%connections], l.model.history.last()+1)
	}
	for i := range workers {
		r := fork(l.random)
		l.group.Add(1)
		go func() {
			defer l.group.Done()
			l.work(l.clients[i%connections], r)
		}()
	}
	return nil
}

// stop is called when the context has ended; it returns when nothing is written to the model any more.
func (l *Load) stop() {
	l.group.Wait()
	for _, c := range l.clients {
		c.Close()
	}
}

func (l *Load) watch(c *clientv3.Client, from int64) {
	ch := c.Watch(l.ctx, "", clientv3.WithPrefix(), clientv3.WithRev(from))
	l.group.Add(1)
	go func() {
		defer l.group.Done()
		var seen []Seen
		for resp := range ch {
			for _, e := range resp.Events {
				rev := e.Kv.ModRevision
				if len(seen) == 0 || seen[len(seen)-1].Revision != rev {
					seen = append(seen, Seen{Revision: rev})
				}
				last := &seen[len(seen)-1]
				last.Events = append(last.Events, eventOf(e))
			}
		}
		l.model.mu.Lock()
		l.model.streams = append(l.model.streams, seen)
		l.model.mu.Unlock()
	}()
}

func (l *Load) work(c *clientv3.Client, r *rand.Rand) {
	for l.ctx.Err() == nil {
		switch n := r.IntN(100); {
		case n < 45:
			l.put(c, r, 0)
		case n < 65:
			l.txn(c, r)
		case n < 75:
			l.delete(c, r)
		case n < 85:
			l.read(c, r)
		case n < 88:
			l.grant(c, r)
		case n < 94:
			if lease := l.pick(r); lease != 0 {
				l.put(c, r, lease)
			}
		case n < 97:
			l.renew(c, r)
		case n < 99:
			l.revoke(c, r)
		default:
			l.compact(c, r)
		}
	}
}

func keyName(n int) string { return fmt.Sprintf("k/%02d", n) }

func valueOf(number int64, n int) string { return fmt.Sprintf("%d.%d", number, n) }

// settle files how a write ended. Only answers that say no for certain make it Refused.
func (l *Load) settle(op *Op, revision int64, err error) {
	switch status.Code(err) {
	case codes.OK:
		l.model.acked(op, revision)
	case codes.NotFound, codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		l.model.refused(op)
	}
}

func (l *Load) put(c *clientv3.Client, r *rand.Rand, lease int64) {
	key := keyName(r.IntN(keyCount))
	op := l.model.begin(func(n int64) []Step {
		return []Step{{Key: key, Value: valueOf(n, 0), Lease: lease}}
	})
	resp, err := pb.NewKVClient(c.ActiveConnection()).Put(l.ctx,
		&pb.PutRequest{Key: []byte(key), Value: []byte(op.Steps[0].Value), Lease: lease})
	if err != nil {
		l.settle(op, 0, err)
		return
	}
	l.settle(op, resp.Header.Revision, nil)
}

func (l *Load) delete(c *clientv3.Client, r *rand.Rand) {
	step := Step{Delete: true, Key: keyName(r.IntN(keyCount))}
	if r.IntN(4) == 0 {
		step.End = step.Key + "~"
		if r.IntN(2) == 0 {
			step.End = keyName(min(keyCount, r.IntN(keyCount)+4))
		}
	}
	op := l.model.begin(func(int64) []Step { return []Step{step} })
	resp, err := pb.NewKVClient(c.ActiveConnection()).DeleteRange(l.ctx,
		&pb.DeleteRangeRequest{Key: []byte(step.Key), RangeEnd: []byte(step.End)})
	if err != nil {
		l.settle(op, 0, err)
		return
	}
	if resp.Deleted == 0 {
		l.settle(op, 0, nil)
		return
	}
	l.settle(op, resp.Header.Revision, nil)
}

// txn writes several keys at once; half of them only if a key is as it was read.
func (l *Load) txn(c *clientv3.Client, r *rand.Rand) {
	order := r.Perm(keyCount)[:2+r.IntN(4)]
	op := l.model.begin(func(n int64) []Step {
		var steps []Step
		for i, k := range order {
			steps = append(steps, Step{Key: keyName(k), Value: valueOf(n, i)})
		}
		if r.IntN(2) == 0 {
			last := &steps[len(steps)-1]
			*last = Step{Delete: true, Key: last.Key}
		}
		return steps
	})
	var ops []clientv3.Op
	for _, s := range op.Steps {
		if s.Delete {
			ops = append(ops, clientv3.OpDelete(s.Key))
		} else {
			ops = append(ops, clientv3.OpPut(s.Key, s.Value))
		}
	}
	request := c.Txn(l.ctx)
	if r.IntN(2) == 0 {
		got, err := c.Get(l.ctx, op.Steps[0].Key)
		if err != nil {
			l.model.refused(op)
			return
		}
		mod := int64(0)
		if len(got.Kvs) > 0 {
			mod = got.Kvs[0].ModRevision
		}
		request = request.If(clientv3.Compare(clientv3.ModRevision(op.Steps[0].Key), "=", mod))
	}
	resp, err := request.Then(ops...).Commit()
	switch {
	case err != nil:
		l.settle(op, 0, err)
	case !resp.Succeeded:
		l.model.refused(op)
	default:
		l.settle(op, resp.Header.Revision, nil)
	}
}

func (l *Load) read(c *clientv3.Client, r *rand.Rand) {
	key := keyName(r.IntN(keyCount))
	floor := l.model.maxAcked.Load()
	resp, err := c.Get(l.ctx, key)
	if err != nil {
		return
	}
	if resp.Header.Revision < floor {
		l.violations.add("a read at revision %d after revision %d was acknowledged", resp.Header.Revision, floor)
	}
	read := Read{Key: key, Revision: resp.Header.Revision, Found: len(resp.Kvs) > 0}
	if read.Found {
		read.Pair = pairOf(resp.Kvs[0])
	}
	l.model.mu.Lock()
	l.model.reads = append(l.model.reads, read)
	l.model.mu.Unlock()
}

func (l *Load) grant(c *clientv3.Client, r *rand.Rand) {
	ttl := []int64{2, 3, 5, 60, 600}[r.IntN(5)]
	lease := &Lease{ID: r.Int64N(1<<62) + 1, TTL: ttl}
	sent := time.Now()
	l.model.mu.Lock()
	l.model.leases[lease.ID] = lease
	l.model.mu.Unlock()
	resp, err := pb.NewLeaseClient(c.ActiveConnection()).LeaseGrant(l.ctx, &pb.LeaseGrantRequest{ID: lease.ID, TTL: ttl})
	if err != nil {
		return
	}
	if resp.ID != lease.ID || resp.TTL != ttl {
		l.violations.add("lease %x of %d s was granted as %x of %d s", lease.ID, ttl, resp.ID, resp.TTL)
	}
	l.model.mu.Lock()
	lease.Granted, lease.Renewed = true, sent
	l.model.mu.Unlock()
}

// pick is a lease that was granted and that nobody tried to revoke, 0 when there is none.
func (l *Load) pick(r *rand.Rand) int64 {
	l.model.mu.Lock()
	defer l.model.mu.Unlock()
	var ids []int64
	for id, lease := range l.model.leases {
		if lease.Granted && !lease.RevokeTried && !lease.Gone {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0
	}
	return ids[r.IntN(len(ids))]
}

func (l *Load) renew(c *clientv3.Client, r *rand.Rand) {
	id := l.pick(r)
	if id == 0 {
		return
	}
	sent := time.Now()
	resp, err := c.KeepAliveOnce(l.ctx, clientv3.LeaseID(id))
	if err != nil {
		return
	}
	l.model.mu.Lock()
	defer l.model.mu.Unlock()
	lease := l.model.leases[id]
	if resp.TTL != lease.TTL {
		l.violations.add("lease %x of %d s was renewed for %d s", id, lease.TTL, resp.TTL)
	}
	if sent.After(lease.Renewed) {
		lease.Renewed = sent
	}
}

func (l *Load) revoke(c *clientv3.Client, r *rand.Rand) {
	id := l.pick(r)
	if id == 0 {
		return
	}
	l.model.mu.Lock()
	lease := l.model.leases[id]
	lease.RevokeTried = true
	l.model.mu.Unlock()
	_, err := c.Revoke(l.ctx, clientv3.LeaseID(id))
	l.model.mu.Lock()
	lease.Revoked = err == nil
	l.model.mu.Unlock()
}

// compact takes away only what a check after an earlier crash has seen.
func (l *Load) compact(c *clientv3.Client, r *rand.Rand) {
	l.model.mu.Lock()
	from, to := l.model.compactTried, l.model.history.last()
	if r.IntN(20) != 0 || to <= from+1 {
		l.model.mu.Unlock()
		return
	}
	target := from + 1 + r.Int64N(to-from)
	l.model.compactTried = target
	l.model.mu.Unlock()
	_, err := c.Compact(l.ctx, target)
	l.model.mu.Lock()
	if err == nil && target > l.model.compactAcked {
		l.model.compactAcked = target
	}
	l.model.mu.Unlock()
}
