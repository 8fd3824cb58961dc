package main

import (
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Event is one change of one key. Two events are the same change when they are equal.
type Event struct {
	Deleted bool
	Key     string
	Value   string
	Create  int64
	Version int64
	Lease   int64
}

func (e Event) String() string {
	if e.Deleted {
		return "DELETE " + e.Key
	}
	return fmt.Sprintf("PUT %s=%s create %d version %d lease %x", e.Key, e.Value, e.Create, e.Version, e.Lease)
}

// History is every revision from 2 on: history[i] holds the events of revision i+2.
type History [][]Event

func (h History) last() int64 { return int64(len(h)) + 1 }

func (h History) at(rev int64) []Event { return h[rev-2] }

// Pair is what a key holds at some revision.
type Pair struct {
	Value   string
	Create  int64
	Mod     int64
	Version int64
	Lease   int64
}

type State map[string]Pair

// Step is one write inside an operation: a put, or a delete of [Key, End) (of Key when End is empty).
type Step struct {
	Delete bool
	Key    string
	End    string
	Value  string
	Lease  int64
}

type Outcome int

const (
	Unanswered Outcome = iota // may have happened, wholly or not at all
	Acked                     // happened at Revision; at none when Revision is 0
	Refused                   // did not happen
)

// Op is one request that may write. Every put of one op carries the op's number in its value.
type Op struct {
	Number   int64
	Steps    []Step
	Start    time.Time
	Floor    int64 // what was acknowledged to anyone before it began
	End      time.Time
	Outcome  Outcome
	Revision int64 // when Acked: the revision it made, 0 when it changed nothing
}

// Read is a linearizable answer, held against the history later.
type Read struct {
	Key      string
	Revision int64
	Found    bool
	Pair     Pair
}

// Lease is what its clients know of it.
type Lease struct {
	ID          int64
	TTL         int64
	Granted     bool      // the grant was acknowledged
	Renewed     time.Time // when the last acknowledged grant or keep-alive was sent
	RevokeTried bool
	Revoked     bool // the revoke was acknowledged
	Gone        bool // seen to have expired
}

// Model is everything the clients did and saw. Operations of all iterations of one data directory.
type Model struct {
	mu       sync.Mutex
	ops      []*Op
	reads    []Read
	leases   map[int64]*Lease
	streams  [][]Seen
	history  History // as verified after the last crash
	settled  int     // so many of ops were verified then
	nextOp   atomic.Int64
	maxAcked atomic.Int64

	compactAcked int64
	compactTried int64
}

// Seen is one revision as a watcher got it.
type Seen struct {
	Revision int64
	Events   []Event
}

func newModel() *Model { return &Model{leases: map[int64]*Lease{}} }

func (m *Model) begin(steps func(number int64) []Step) *Op {
	op := &Op{Number: m.nextOp.Add(1), Start: time.Now(), Floor: m.maxAcked.Load()}
	op.Steps = steps(op.Number)
	m.mu.Lock()
	m.ops = append(m.ops, op)
	m.mu.Unlock()
	return op
}

func (m *Model) acked(op *Op, revision int64) {
	m.mu.Lock()
	op.End = time.Now()
	op.Outcome = Acked
	op.Revision = revision
	m.mu.Unlock()
	m.raise(revision)
}

func (m *Model) raise(revision int64) {
	for {
		old := m.maxAcked.Load()
		if revision <= old || m.maxAcked.CompareAndSwap(old, revision) {
			return
		}
	}
}

func (m *Model) refused(op *Op) {
	m.mu.Lock()
	op.Outcome = Refused
	m.mu.Unlock()
}

// effects is what the op does to a state: the events of its revision, in order.
func (op *Op) effects(state State, revision int64) []Event {
	var events []Event
	changed := State{}
	gone := map[string]bool{}
	for _, step := range op.Steps {
		if !step.Delete {
			old, found := changed[step.Key]
			if !found && !gone[step.Key] {
				old, found = state[step.Key]
			}
			p := Pair{Value: step.Value, Create: revision, Mod: revision, Version: 1, Lease: step.Lease}
			if found {
				p.Create, p.Version = old.Create, old.Version+1
			}
			changed[step.Key] = p
			delete(gone, step.Key)
			events = append(events, p.event(step.Key))
			continue
		}
		for _, key := range state.keysIn(step.Key, step.End) {
			if !gone[key] {
				gone[key] = true
				events = append(events, Event{Deleted: true, Key: key})
			}
		}
	}
	return events
}

func (p Pair) event(key string) Event {
	return Event{Key: key, Value: p.Value, Create: p.Create, Version: p.Version, Lease: p.Lease}
}

func (s State) keysIn(key, end string) []string {
	if end == "" {
		if _, found := s[key]; found {
			return []string{key}
		}
		return nil
	}
	var keys []string
	for k := range s {
		if k >= key && k < end {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

func (s State) keysOf(lease int64) []string {
	var keys []string
	for k, p := range s {
		if p.Lease == lease {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

func (s State) apply(events []Event, revision int64) {
	for _, e := range events {
		if e.Deleted {
			delete(s, e.Key)
		} else {
			s[e.Key] = Pair{Value: e.Value, Create: e.Create, Mod: revision, Version: e.Version, Lease: e.Lease}
		}
	}
}

func sameEvents(a, b []Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
