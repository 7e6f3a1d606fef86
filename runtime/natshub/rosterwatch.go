package natshub

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// watch follows the bucket. It starts again when the client has connected again, because what was
// removed meanwhile may not be announced, and when it does not see the replica's own signs of life.
func (r *Roster) watch() {
	connected := r.js.Conn().StatusChanged(nats.CONNECTED)
	defer r.js.Conn().RemoveStatusListener(connected)
	for r.closed.Err() == nil {
		if stalled := r.follow(connected); stalled {
			r.stalled.Add(1)
		}
		pause(r.closed, 5*firstWait)
	}
}

// follow follows the bucket until it must start again, and reports whether it has stalled.
func (r *Roster) follow(connected <-chan nats.Status) (stalled bool) {
	ctx, cancel := context.WithCancel(r.closed)
	defer cancel()
	watcher, err := r.kv.WatchAll(ctx)
	if err != nil {
		return false
	}
	defer func() {
		_ = watcher.Stop()
		for range watcher.Updates() { // else its goroutine waits for ever
		}
	}()
	v := &viewing{
		roster: r, echo: time.Now(),
		seen: make(map[string]struct{}), leases: make(map[string]struct{}),
	}
	silence := time.NewTimer(2 * r.expiry)
	defer silence.Stop()
	for {
		select {
		case <-r.closed.Done():
			return false
		case <-connected:
			return false
		case <-silence.C:
			return r.js.Conn().IsConnected()
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return true
			case entry == nil:
				v.complete()
			case v.apply(entry):
				silence.Reset(2 * r.expiry)
			}
		}
	}
}

// viewing is one watch of the bucket.
type viewing struct {
	roster *Roster
	seen   map[string]struct{} // the keys of members that existed at its start; nil later
	leases map[string]struct{} // the replicas that existed then, or had left; nil later
	echo   time.Time           // the last sign of life of this replica, or the start
}

// complete removes members that were removed while nothing watched. A replica without a lease and
// without the announcement that it has left was removed by others, because it is dead.
func (v *viewing) complete() {
	r := v.roster
	var dead []gone
	r.mu.Lock()
	for id, other := range r.others {
		if _, exists := v.leases[id]; !exists {
			dead = append(dead, r.bereave(id)...)
			continue
		}
		for key := range other.members {
			if _, exists := v.seen[key]; !exists {
				r.forget(other, key)
			}
		}
	}
	v.seen, v.leases = nil, nil
	r.mu.Unlock()
	r.notify(dead)
}

// apply takes a change of the bucket, and reports whether it is this replica's sign of life.
func (v *viewing) apply(entry jetstream.KeyValueEntry) (own bool) {
	r := v.roster
	key, put := entry.Key(), entry.Operation() == jetstream.KeyValuePut
	id, lease := replicaOf(key)
	r.mu.Lock()
	own = id == r.id
	_, former := r.former[id]
	if lease && v.leases != nil {
		v.leases[id] = struct{}{}
	}
	switch {
	case own && put && !lease:
		r.disown(key, entry.Value())
	case own || former:
	case lease && put:
		r.other(id).beat = time.Now()
	case lease: // it has left, or is dead and others have noticed
		r.forgetAll(id)
	case put:
		if v.seen != nil {
			v.seen[key] = struct{}{}
		}
		if room, m, ok := decodeListed(entry.Value()); ok {
			r.learn(r.other(id), key, room, m)
		}
	default:
		if other := r.others[id]; other != nil {
			r.forget(other, key)
		}
	}
	r.mu.Unlock()
	if own = own && lease && put; own {
		v.judge(time.Now())
	}
	return own
}

// disown removes an own key from the bucket whose member has left: a request that puts it may
// arrive after the one that has removed it, over a connection that was lost; r is locked.
func (r *Roster) disown(key string, value []byte) {
	room, _, _ := decodeListed(value)
	_, entered := r.rooms[room][key]
	if _, waits := r.writes[key]; !entered && !waits {
		r.schedule(key, nil)
	}
}

// other returns a replica, which is alive until its expiry; r is locked.
func (r *Roster) other(id string) *replica {
	known := r.others[id]
	if known == nil {
		known = &replica{members: make(map[string]string), beat: time.Now()}
		r.others[id] = known
	}
	return known
}

// learn lists a member of another replica; r is locked.
func (r *Roster) learn(other *replica, key, room string, m hub.Listed) {
	if _, known := other.members[key]; !known {
		if r.listed >= r.maxListed {
			return
		}
		r.listed++
	}
	other.members[key] = room
	r.list(room, key, m)
}

// forget removes a member of another replica; r is locked.
func (r *Roster) forget(other *replica, key string) {
	room, known := other.members[key]
	if !known {
		return
	}
	delete(other.members, key)
	r.listed--
	r.unlist(room, key)
}

// forgetAll removes a replica; r is locked.
func (r *Roster) forgetAll(id string) {
	other := r.others[id]
	if other == nil {
		return
	}
	for key := range other.members {
		r.forget(other, key)
	}
	delete(r.others, id)
}

// judge finds replicas that have died. It is called when this replica's own sign of life arrives,
// so that those of others would have arrived as well. If its own were missing before, nothing is
// known about others.
func (v *viewing) judge(now time.Time) {
	r := v.roster
	missed := now.Sub(v.echo) > r.expiry*2/3
	v.echo = now
	var dead []gone
	r.mu.Lock()
	for id, other := range r.others {
		switch {
		case missed:
			other.beat = now
		case now.Sub(other.beat) > r.expiry:
			dead = append(dead, r.bereave(id)...)
			r.dead[id] = false
		}
	}
	select {
	case r.kick <- struct{}{}: // removes them from the bucket, too
	default:
	}
	r.mu.Unlock()
	r.notify(dead)
}

// gone is a member of a dead replica.
type gone struct {
	room string
	hub.Listed
}

// bereave removes a dead replica, and returns its members; r is locked.
func (r *Roster) bereave(id string) (dead []gone) {
	for key, room := range r.others[id].members {
		dead = append(dead, gone{room, r.rooms[room][key]})
	}
	r.forgetAll(id)
	return dead
}

// notify calls the function of Notify.
func (r *Roster) notify(dead []gone) {
	r.mu.Lock()
	expired := r.expired
	r.mu.Unlock()
	if expired == nil {
		return
	}
	for _, m := range dead {
		expired(m.room, m.Listed)
	}
}

var _ metric.Source = (*Roster)(nil)

// Metrics implements [metric.Source].
func (r *Roster) Metrics() []*metric.Desc { return []*metric.Desc{descRetries, descStalls} }

// Collect implements [metric.Source].
func (r *Roster) Collect(report metric.Report) {
	report(descRetries, float64(r.retries.Load()), r.label)
	report(descStalls, float64(r.stalled.Load()), r.label)
}
