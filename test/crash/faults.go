package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type namedFault struct {
	name   string
	faults Faults
}

// Each is broken in one way only, the way that its name says.
var allFaults = []namedFault{
	{"none", Faults{}},
	{"the data directory is wiped", Faults{onDisk: func(dataDir, _ string) error {
		return os.RemoveAll(dataDir)
	}}},
	{"the data directory is an earlier one", Faults{onDisk: func(dataDir, earlier string) error {
		if err := os.RemoveAll(dataDir); err != nil {
			return err
		}
		return os.CopyFS(dataDir, os.DirFS(earlier))
	}}},
	{"a write that nobody sent", Faults{onServer: func(ctx context.Context, c *clientv3.Client, _ *Model) error {
		_, err := c.Put(ctx, keyName(0), "foreign")
		return err
	}}},
	{"a write that happens twice", Faults{onServer: func(ctx context.Context, c *clientv3.Client, m *Model) error {
		for _, op := range m.ops {
			if op.Outcome == Acked && len(op.Steps) == 1 && !op.Steps[0].Delete {
				_, err := c.Put(ctx, op.Steps[0].Key, op.Steps[0].Value)
				return err
			}
		}
		return fmt.Errorf("no put was acknowledged")
	}}},
	{"a key that vanishes", Faults{onServer: func(ctx context.Context, c *clientv3.Client, _ *Model) error {
		_, err := c.Delete(ctx, keyName(0), clientv3.WithFromKey())
		return err
	}}},
	{"a lease that ends early", Faults{onServer: func(ctx context.Context, c *clientv3.Client, m *Model) error {
		for id, lease := range m.leases {
			if lease.Granted && !lease.RevokeTried && lease.TTL > 5 {
				_, err := c.Revoke(ctx, clientv3.LeaseID(id))
				return err
			}
		}
		return fmt.Errorf("no long lease was granted")
	}}},
	{"a lease that nobody asked for", Faults{onServer: func(ctx context.Context, c *clientv3.Client, _ *Model) error {
		_, err := c.Grant(ctx, 600)
		return err
	}}},
	{"a compaction that nobody asked for", Faults{onServer: func(ctx context.Context, c *clientv3.Client, _ *Model) error {
		now, err := c.Get(ctx, keyName(0))
		if err != nil {
			return err
		}
		_, err = c.Compact(ctx, now.Header.Revision)
		return err
	}}},
	{"a transaction torn in two", Faults{onAnswer: func(h History) {
		for i := len(h) - 1; i >= 0; i-- {
			if len(h[i]) > 1 {
				h[i] = h[i][:len(h[i])-1]
				return
			}
		}
	}}},
	{"an older version of a key", Faults{onAnswer: func(h History) {
		for i := len(h) - 1; i >= 0; i-- {
			if !h[i][0].Deleted {
				h[i][0].Version++
				return
			}
		}
	}}},
}

// selfTest runs two crashes for each fault, the second with it.
func selfTest(command, work string, seed uint64) int {
	passed, failed := 0, 0
	for i, f := range allFaults {
		found, err := withFault(command, work, f.faults, rand.New(rand.NewPCG(seed, uint64(i))))
		wanted := f.name != "none"
		switch {
		case err != nil:
			failed++
			fmt.Printf("FAILED   %s: %v\n", f.name, err)
		case (len(found) > 0) != wanted:
			failed++
			fmt.Printf("WRONG    %s: %d violations %v\n", f.name, len(found), found)
		case wanted:
			passed++
			fmt.Printf("FOUND    %s: %s\n", f.name, found[0])
		default:
			passed++
			fmt.Printf("QUIET    %s\n", f.name)
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return 1
	}
	return 0
}

func withFault(command, work string, faults Faults, random *rand.Rand) ([]string, error) {
	v := &Violations{}
	trial, err := newTrial(command, filepath.Join(work, "selftest"), random, &Totals{}, v)
	if err != nil {
		return nil, err
	}
	defer trial.end()
	for range 2 {
		if err := trial.crash(); err != nil {
			return nil, err
		}
	}
	if v.count > 0 {
		return nil, fmt.Errorf("violated before the fault: %v", v.texts)
	}
	trial.process.kill()
	if err := os.CopyFS(filepath.Join(trial.work, "earlier"), os.DirFS(trial.process.dataDir)); err != nil {
		return nil, err
	}
	if err := trial.process.start(); err != nil {
		return nil, err
	}
	trial.faults = faults
	if err := trial.crash(); err != nil {
		return nil, err
	}
	return v.texts, nil
}
