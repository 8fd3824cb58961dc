package clientv3_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/client/v3/concurrency"
)

func (f *fixture) session(opts ...concurrency.SessionOption) *concurrency.Session {
	f.t.Helper()
	s, err := concurrency.NewSession(newClient(f.t), opts...)
	if err != nil {
		f.t.Fatalf("session: %v", err)
	}
	return s
}

func TestASessionHoldsALeaseUntilClosed(t *testing.T) {
	f := setUp(t)
	s := f.session(concurrency.WithTTL(5))
	resp, err := f.TimeToLive(f.ctx, s.Lease())
	if err != nil || resp.GrantedTTL != 5 {
		t.Fatalf("time to live: %v %v", resp, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	resp, err = f.TimeToLive(f.ctx, s.Lease())
	if err != nil || resp.TTL != -1 {
		t.Errorf("after close: %v %v", resp, err)
	}
}

func TestASessionEndsWhenItsLeaseIsRevoked(t *testing.T) {
	f := setUp(t)
	s := f.session(concurrency.WithTTL(3))
	if _, err := f.Revoke(f.ctx, s.Lease()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(10 * time.Second):
		t.Error("the session lives on")
	}
}

func TestOneHoldsAMutexAtATime(t *testing.T) {
	f := setUp(t)
	var holders, rounds int
	var guard sync.Mutex
	var wg sync.WaitGroup
	for range 5 {
		s := f.session()
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer s.Close()
			m := concurrency.NewMutex(s, f.key("lock"))
			for range 4 {
				if err := m.Lock(f.ctx); err != nil {
					t.Errorf("lock: %v", err)
					return
				}
				guard.Lock()
				holders++
				rounds++
				if holders != 1 {
					t.Errorf("%d holders", holders)
				}
				guard.Unlock()
				time.Sleep(time.Millisecond)
				guard.Lock()
				holders--
				guard.Unlock()
				if err := m.Unlock(f.ctx); err != nil {
					t.Errorf("unlock: %v", err)
				}
			}
		}()
	}
	wg.Wait()
	equal(t, "rounds", rounds, 20)
}

func TestTryLockAndALostHolder(t *testing.T) {
	f := setUp(t)
	one, two := f.session(), f.session()
	defer two.Close()
	a, b := concurrency.NewMutex(one, f.key("lock")), concurrency.NewMutex(two, f.key("lock"))
	if err := a.TryLock(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.TryLock(f.ctx); !errors.Is(err, concurrency.ErrLocked) {
		t.Fatalf("a held lock: %v", err)
	}
	resp, err := f.Txn(f.ctx).If(a.IsOwner()).Commit()
	if err != nil || !resp.Succeeded {
		t.Fatalf("owner: %v %v", resp, err)
	}
	waiting, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
	defer cancel()
	if err := b.Lock(waiting); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting for a held lock: %v", err)
	}
	one.Close()
	if err := b.Lock(f.ctx); err != nil {
		t.Fatalf("after the holder is gone: %v", err)
	}
}

func TestElectionsHandOver(t *testing.T) {
	f := setUp(t)
	one, two := f.session(), f.session()
	defer two.Close()
	a, b := concurrency.NewElection(one, f.key("e")), concurrency.NewElection(two, f.key("e"))
	if _, err := a.Leader(f.ctx); !errors.Is(err, concurrency.ErrElectionNoLeader) {
		t.Fatalf("before any: %v", err)
	}
	if err := a.Campaign(f.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	observing, cancel := context.WithCancel(f.ctx)
	defer cancel()
	seen := b.Observe(observing)
	expect := func(want string) {
		t.Helper()
		select {
		case resp := <-seen:
			equal(t, "observed", string(resp.Kvs[0].Value), want)
		case <-time.After(5 * time.Second):
			t.Fatalf("%s was not observed", want)
		}
	}
	expect("a")
	if err := a.Proclaim(f.ctx, "a2"); err != nil {
		t.Fatal(err)
	}
	expect("a2")
	won := make(chan error, 1)
	go func() { won <- b.Campaign(f.ctx, "b") }()
	select {
	case err := <-won:
		t.Fatalf("two leaders: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := a.Resign(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-won; err != nil {
		t.Fatal(err)
	}
	expect("b")
	leader, err := a.Leader(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "leader", string(leader.Kvs[0].Value), "b")
	if err := a.Proclaim(f.ctx, "x"); !errors.Is(err, concurrency.ErrElectionNotLeader) {
		t.Errorf("proclaim after resigning: %v", err)
	}
	one.Close()
}

func TestTransfersKeepTheSumAtEveryIsolation(t *testing.T) {
	for _, c := range []struct {
		name  string
		level concurrency.Isolation
	}{
		{"SerializableSnapshot", concurrency.SerializableSnapshot},
		{"Serializable", concurrency.Serializable},
		{"RepeatableReads", concurrency.RepeatableReads},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUp(t)
			const accounts, each, writers = 5, 100, 4
			for i := range accounts {
				f.put(fmt.Sprint(i), fmt.Sprint(each))
			}
			var wg sync.WaitGroup
			for w := range writers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := range 15 {
						from, to := f.key(fmt.Sprint((w+i)%accounts)), f.key(fmt.Sprint((w*2+i+1)%accounts))
						if from == to {
							continue
						}
						_, err := concurrency.NewSTM(f.Client, func(s concurrency.STM) error {
							a, _ := strconv.Atoi(s.Get(from))
							b, _ := strconv.Atoi(s.Get(to))
							s.Put(from, fmt.Sprint(a-1))
							s.Put(to, fmt.Sprint(b+1))
							return nil
						}, concurrency.WithIsolation(c.level), concurrency.WithAbortContext(f.ctx))
						if err != nil {
							t.Errorf("transfer: %v", err)
							return
						}
					}
				}()
			}
			wg.Wait()
			sum := 0
			for i := range accounts {
				n, _ := strconv.Atoi(f.value(fmt.Sprint(i)))
				sum += n
			}
			equal(t, "sum", sum, accounts*each)
		})
	}
}

func TestReadCommittedAndPrefetchAndAbort(t *testing.T) {
	f := setUp(t)
	f.put("a", "1")
	_, err := concurrency.NewSTM(f.Client, func(s concurrency.STM) error {
		s.Put(f.key("b"), s.Get(f.key("a"))+"2")
		s.Del(f.key("a"))
		equal(t, "reads its own write", s.Get(f.key("b")), "12")
		return nil
	}, concurrency.WithIsolation(concurrency.ReadCommitted), concurrency.WithPrefetch(f.key("a")))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "written", f.value("b"), "12")
	equal(t, "deleted", f.value("a"), "<none>")
	abort := errors.New("abort")
	_, err = concurrency.NewSTM(f.Client, func(s concurrency.STM) error {
		s.Put(f.key("b"), "never")
		return abort
	})
	if !errors.Is(err, abort) {
		t.Errorf("abort: %v", err)
	}
	equal(t, "aborted", f.value("b"), "12")
}
