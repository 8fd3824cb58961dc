package main

import (
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Time to live is told in whole seconds, rounded either way.
const ttlSlack = time.Second

// leases: acknowledged ones are there with their keys and their time, revoked ones are not.
func (c *Checker) leases() {
	list, err := c.client.Leases(c.ctx)
	if err != nil {
		c.v.add("leases cannot be listed: %v", err)
		return
	}
	for _, l := range list.Leases {
		if lease := c.model.leases[int64(l.ID)]; lease == nil {
			c.v.add("lease %x is nobody's", l.ID)
		} else if lease.Revoked || lease.Gone {
			c.v.add("lease %x has ended and is listed", l.ID)
		}
	}
	for _, lease := range c.model.leases {
		if !lease.Revoked && !lease.Gone {
			c.lease(lease)
		}
	}
}

// due is when a lease that nobody renews may end.
func (l *Lease) due() time.Time { return l.Renewed.Add(time.Duration(l.TTL) * time.Second) }

// expired is called when a lease is found to be gone though nobody revoked it.
func (c *Checker) expired(lease *Lease) {
	if early := time.Until(lease.due()); early > 0 {
		c.v.add("lease %x of %d s expired at least %v early", lease.ID, lease.TTL, early)
	}
	lease.Gone = true
	c.totals.LeasesExpired++
}

func (c *Checker) lease(lease *Lease) {
	resp, err := c.client.TimeToLive(c.ctx, clientv3.LeaseID(lease.ID), clientv3.WithAttachedKeys())
	if err != nil {
		c.v.add("lease %x: %v", lease.ID, err)
		return
	}
	if resp.GrantedTTL == 0 {
		if lease.RevokeTried {
			lease.Revoked = true
		} else if lease.Granted {
			c.expired(lease)
		}
		// A grant that was never answered may not have happened; then it never will.
		lease.Gone = true
		c.keysAreGone(lease)
		return
	}
	if resp.GrantedTTL != lease.TTL || resp.TTL > lease.TTL {
		c.v.add("lease %x of %d s has %d of %d s left", lease.ID, lease.TTL, resp.TTL, resp.GrantedTTL)
	}
	left := time.Duration(resp.TTL) * time.Second
	if owed := lease.due().Sub(time.Now()); lease.Granted && left+ttlSlack < owed {
		c.v.add("lease %x has %v left and is owed %v", lease.ID, left, owed)
	}
	var keys []string
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	if want := c.state.keysOf(lease.ID); !slices.Equal(keys, want) {
		c.v.add("lease %x has the keys %v and was to have %v", lease.ID, keys, want)
	}
}

// keysAreGone: no key outlives its lease by more than the moment between two answers.
func (c *Checker) keysAreGone(lease *Lease) {
	for _, key := range c.state.keysOf(lease.ID) {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			resp, err := c.client.Get(c.ctx, key)
			if err == nil && (len(resp.Kvs) == 0 || resp.Kvs[0].Lease != lease.ID) {
				break
			}
			if time.Now().After(deadline) {
				c.v.add("%s outlives its lease %x", key, lease.ID)
				return
			}
		}
	}
}

// expiry waits until every short lease has ended: at most its time and the same again, because a
// restart may give it a new start.
func (c *Checker) expiry(shorterThan int64) {
	longest := int64(0)
	for _, lease := range c.model.leases {
		if lease.TTL < shorterThan {
			longest = max(longest, lease.TTL)
		}
	}
	deadline := time.Now().Add(time.Duration(2*longest+3) * time.Second)
	for {
		left := 0
		for _, lease := range c.model.leases {
			if lease.TTL >= shorterThan || lease.Revoked || lease.Gone {
				continue
			}
			resp, err := c.client.TimeToLive(c.ctx, clientv3.LeaseID(lease.ID))
			if err == nil && resp.GrantedTTL == 0 {
				if lease.Granted && !lease.RevokeTried {
					c.expired(lease)
				}
				lease.Gone = true
				c.keysAreGone(lease)
				continue
			}
			left++
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.v.add("%d leases of less than %d s do not expire", left, shorterThan)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// fetchAndExpire ends a data directory: short leases run out under the eyes of the checker.
func (c *Checker) fetchAndExpire() {
	if !c.fetch() {
		return
	}
	c.replay()
	if c.v.count == 0 {
		c.expiry(shortLeaseSeconds)
	}
	if c.v.count == 0 && c.fetch() {
		c.replay()
		c.settle()
	}
}
