package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Violations are the broken promises that were found; the first ones are kept as text.
type Violations struct {
	mu    sync.Mutex
	count int
	texts []string
}

const keptTexts = 20

func (v *Violations) add(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count++
	if len(v.texts) < keptTexts {
		v.texts = append(v.texts, fmt.Sprintf(format, args...))
	}
}

// Checker holds what a restarted server says against what was acknowledged and seen.
type Checker struct {
	model  *Model
	client *clientv3.Client
	ctx    context.Context
	v      *Violations
	totals *Totals
	tamper func(History) // a fault of the self-test, or nil

	from    int64 // the first revision that the server still tells
	history History
	state   State // at the end of history
}

// Totals is what a whole run did, for the last line.
type Totals struct {
	Seed              uint64 `json:"seed"`
	Iterations        int    `json:"iterations"`
	Crashes           int    `json:"crashes"`
	AckedWrites       int    `json:"acked_writes"`
	UnansweredAbsent  int    `json:"unanswered_absent"`
	UnansweredPresent int    `json:"unanswered_present"`
	Events            int    `json:"events"`
	EventsSeen        int    `json:"events_seen_before_crash"`
	Reads             int    `json:"reads"`
	Leases            int    `json:"leases"`
	LeasesExpired     int    `json:"leases_expired"`
	LeasesRevoked     int    `json:"leases_revoked"`
	Compactions       int    `json:"compactions"`
	Violations        int    `json:"violations"`
}

func (c *Checker) run() {
	if !c.fetch() {
		return
	}
	c.replay()
	c.realTime()
	c.seen()
	c.reads()
	c.present()
	c.leases()
	c.settle()
}

// fetch reads the history anew and puts what was verified before in front of what is compacted.
func (c *Checker) fetch() bool {
	m := c.model
	from, fresh, last, err := readHistory(c.ctx, c.client, max(m.compactAcked+1, 2))
	if err != nil {
		c.v.add("the history cannot be read: %v", err)
		return false
	}
	if from-1 > m.compactTried && from > 2 {
		c.v.add("compacted at %d, where nobody asked for more than %d", from-1, m.compactTried)
		return false
	}
	if last < m.history.last() {
		c.v.add("the revision went back from %d to %d", m.history.last(), last)
		return false
	}
	if c.tamper != nil {
		c.tamper(fresh)
	}
	for rev := from; rev <= m.history.last(); rev++ {
		if old, now := m.history.at(rev), fresh[rev-from]; !sameEvents(old, now) {
			c.v.add("revision %d changed from %v to %v", rev, old, now)
		}
	}
	c.from = from
	c.history = append(slices.Clone(m.history[:from-2]), fresh...)
	if from-1 > m.compactAcked {
		m.compactAcked = from - 1
	}
	return true
}

// numberOf is the op whose value this is, 0 when it is no value of ours.
func numberOf(value string) int64 {
	head, _, _ := strings.Cut(value, ".")
	n, err := strconv.ParseInt(head, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// replay explains every revision by exactly one operation, or by the end of one lease.
func (c *Checker) replay() {
	byNumber := map[int64]*Op{}
	byRevision := map[int64]*Op{}
	for _, op := range c.model.ops {
		byNumber[op.Number] = op
		if op.Outcome != Acked || op.Revision == 0 {
			continue
		}
		if other := byRevision[op.Revision]; other != nil {
			c.v.add("revision %d was acknowledged to operations %d and %d", op.Revision, other.Number, op.Number)
		}
		byRevision[op.Revision] = op
		if op.Revision > c.history.last() {
			c.v.add("operation %d was acknowledged at revision %d and is lost: the history ends at %d",
				op.Number, op.Revision, c.history.last())
		}
	}
	explained := map[*Op]int64{}
	c.state = State{}
	for i, events := range c.history {
		rev := int64(i) + 2
		op := byRevision[rev]
		if op == nil {
			op = c.unanswered(events, rev, byNumber, explained)
		}
		switch {
		case op != nil:
			if want := op.effects(c.state, rev); !sameEvents(want, events) {
				c.v.add("revision %d of operation %d: %v where %v was to be", rev, op.Number, events, want)
			}
			if before, twice := explained[op]; twice {
				c.v.add("operation %d happened at revision %d and again at %d", op.Number, before, rev)
			}
			explained[op] = rev
		case !c.endOfLease(events):
			c.v.add("revision %d is nobody's: %v, before it %v", rev, events, c.state[events[0].Key])
		}
		c.state.apply(events, rev)
	}
	for op := range explained {
		if op.Outcome == Refused {
			c.v.add("operation %d was refused and is there, at revision %d", op.Number, explained[op])
		}
	}
	for _, op := range c.model.ops {
		if op.Outcome == Unanswered && explained[op] != 0 {
			// From now on it is as good as acknowledged: it must never vanish again.
			op.Outcome, op.Revision, op.End = Acked, explained[op], time.Now()
			c.totals.UnansweredPresent++
		}
	}
}

// unanswered finds the operation of a revision that nobody was told of. A put names its own; deletes
// are told apart by what they did and when they began.
func (c *Checker) unanswered(events []Event, rev int64, byNumber map[int64]*Op, explained map[*Op]int64) *Op {
	for _, e := range events {
		if !e.Deleted {
			return byNumber[numberOf(e.Value)]
		}
	}
	if c.endOfLease(events) {
		return nil
	}
	for _, op := range c.model.ops[c.model.settled:] {
		if op.Outcome == Unanswered && explained[op] == 0 && op.Floor < rev && sameEvents(op.effects(c.state, rev), events) {
			return op
		}
	}
	return nil
}

// endOfLease says whether these are the deletes of a lease that was revoked or had its time.
func (c *Checker) endOfLease(events []Event) bool {
	lease := c.model.leases[c.state[events[0].Key].Lease]
	if lease == nil || !lease.RevokeTried && !lease.Gone && time.Now().Before(lease.due()) {
		return false
	}
	var keys []string
	for _, e := range events {
		if !e.Deleted {
			return false
		}
		keys = append(keys, e.Key)
	}
	return slices.Equal(keys, c.state.keysOf(lease.ID))
}

// realTime: what began after another was acknowledged has the higher revision.
func (c *Checker) realTime() {
	var acked []*Op
	for _, op := range c.model.ops {
		if op.Outcome == Acked && op.Revision > 0 {
			acked = append(acked, op)
		}
	}
	slices.SortFunc(acked, func(a, b *Op) int { return int(a.Revision - b.Revision) })
	earliest := time.Unix(math.MaxInt32, 0)
	for i := len(acked) - 1; i >= 0; i-- {
		op := acked[i]
		if op.Start.After(earliest) {
			c.v.add("operation %d at revision %d began after a later revision was acknowledged", op.Number, op.Revision)
		}
		if op.End.Before(earliest) {
			earliest = op.End
		}
	}
}

// seen: every watcher saw a piece of the history without a hole, and all of it is still so.
func (c *Checker) seen() {
	for _, stream := range c.model.streams {
		for i, s := range stream {
			c.totals.EventsSeen += len(s.Events)
			switch {
			case i > 0 && s.Revision != stream[i-1].Revision+1:
				c.v.add("a watcher went from revision %d to %d", stream[i-1].Revision, s.Revision)
			case s.Revision > c.history.last():
				c.v.add("a watcher saw revision %d, the history ends at %d", s.Revision, c.history.last())
			case !sameEvents(s.Events, c.history.at(s.Revision)):
				c.v.add("a watcher saw %v at revision %d, now it is %v", s.Events, s.Revision, c.history.at(s.Revision))
			}
		}
		if len(stream) > 0 && stream[0].Revision != c.model.history.last()+1 {
			c.v.add("a watcher from revision %d began at %d", c.model.history.last()+1, stream[0].Revision)
		}
	}
}

// reads: each read shows its key as the history has it at the revision of the answer.
func (c *Checker) reads() {
	reads := c.model.reads
	slices.SortFunc(reads, func(a, b Read) int { return int(a.Revision - b.Revision) })
	state, rev := State{}, int64(1)
	for _, r := range reads {
		if r.Revision > c.history.last() {
			c.v.add("a read at revision %d, the history ends at %d", r.Revision, c.history.last())
			return
		}
		for ; rev < r.Revision; rev++ {
			state.apply(c.history.at(rev+1), rev+1)
		}
		if want, found := state[r.Key]; found != r.Found || want != r.Pair {
			c.v.add("a read of %s at revision %d gave %v, the history has %v", r.Key, r.Revision, r.Pair, want)
		}
	}
	c.totals.Reads += len(reads)
}

// present: the store itself agrees with its history.
func (c *Checker) present() {
	if c.history.last() == 1 {
		return
	}
	resp, err := c.client.Get(c.ctx, "", clientv3.WithPrefix(), clientv3.WithRev(c.history.last()))
	if err != nil {
		c.v.add("the store cannot be read: %v", err)
		return
	}
	got := State{}
	for _, kv := range resp.Kvs {
		got[string(kv.Key)] = pairOf(kv)
	}
	for key, want := range c.state {
		if got[key] != want {
			c.v.add("%s is %v, its history says %v", key, got[key], want)
		}
	}
	for key := range got {
		if _, found := c.state[key]; !found {
			c.v.add("%s is there, its history says it is not", key)
		}
	}
}

// settle makes what was verified the ground of the next iteration.
func (c *Checker) settle() {
	m := c.model
	for _, op := range m.ops[m.settled:] {
		switch op.Outcome {
		case Acked:
			c.totals.AckedWrites++
		case Unanswered:
			// Its server is dead and it is in no log: from now on it must stay away.
			c.totals.UnansweredAbsent++
			op.Outcome = Refused
		}
	}
	m.settled = len(m.ops)
	for _, events := range c.history[min(len(m.history), len(c.history)):] {
		c.totals.Events += len(events)
	}
	m.history = c.history
	m.streams, m.reads = nil, nil
}
