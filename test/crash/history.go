package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

func newClient(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		DialTimeout: 10 * time.Second,
		Logger:      zap.NewNop(),
	})
}

func eventOf(e *clientv3.Event) Event {
	if e.Type == clientv3.EventTypeDelete {
		return Event{Deleted: true, Key: string(e.Kv.Key)}
	}
	return pairOf(e.Kv).event(string(e.Kv.Key))
}

func pairOf(kv *mvccpb.KeyValue) Pair {
	return Pair{Value: string(kv.Value), Create: kv.CreateRevision, Mod: kv.ModRevision, Version: kv.Version, Lease: kv.Lease}
}

var errGap = errors.New("gap")

// readHistory watches everything from `from` up to the present revision. It returns the revision
// from which the server could still tell: higher than `from` when that is compacted.
func readHistory(ctx context.Context, c *clientv3.Client, from int64) (int64, History, int64, error) {
	now, err := c.Get(ctx, "k/00")
	if err != nil {
		return 0, nil, 0, fmt.Errorf("reading the present revision: %w", err)
	}
	last := now.Header.Revision
	for {
		out, compacted, err := collect(ctx, c, from, last)
		if compacted == 0 {
			return from, out, last, err
		}
		from = compacted + 1
	}
}

func collect(ctx context.Context, c *clientv3.Client, from, last int64) (History, int64, error) {
	if from > last {
		return nil, 0, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out History
	for resp := range c.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithRev(from)) {
		if err := resp.Err(); err != nil {
			if errors.Is(err, rpctypes.ErrCompacted) {
				return nil, resp.CompactRevision, nil
			}
			return nil, 0, err
		}
		for _, e := range resp.Events {
			rev := e.Kv.ModRevision
			if rev > last && from+int64(len(out)) > last {
				return out, 0, nil
			}
			switch next := from + int64(len(out)); {
			case rev == next:
				out = append(out, []Event{eventOf(e)})
			case rev == next-1 && len(out) > 0:
				out[len(out)-1] = append(out[len(out)-1], eventOf(e))
			default:
				return nil, 0, fmt.Errorf("%w: history goes from revision %d to %d", errGap, next-1, rev)
			}
		}
		// A revision comes whole, so the last one is complete once it is here.
		if from+int64(len(out)) > last {
			return out, 0, nil
		}
	}
	return nil, 0, fmt.Errorf("history ended at revision %d of %d: %v", from+int64(len(out))-1, last, ctx.Err())
}
