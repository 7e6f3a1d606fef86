package natshub

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// parallelWrites bounds the requests that a roster sends at a time, and roundWrites those after
// which it signs again that it is alive.
const (
	parallelWrites = 16
	roundWrites    = 256
)

// write writes what has changed into the bucket, and signs that the replica is alive.
func (r *Roster) write() {
	var beat time.Time // the last sign of life that arrived
	for wait := time.Duration(0); ; {
		select {
		case <-r.closed.Done():
			return
		case <-r.kick:
		case <-time.After(wait):
		}
		if !beat.IsZero() && time.Since(beat) > r.expiry*2/3 {
			r.rename() // others may have removed the members
			beat = time.Time{}
		}
		ok := true
		if now := time.Now(); now.Sub(beat) >= r.expiry/3 {
			if ok = r.beat(); ok {
				beat = now
			}
		}
		ok = r.writeSome() && ok
		ok = r.bury() && ok
		wait = time.Until(beat.Add(r.expiry / 3))
		if !ok {
			r.retries.Add(1)
			pause(r.closed, firstWait*5)
			r.reopen()
			wait = 0
		}
	}
}

// reopen creates the bucket again if it was deleted.
func (r *Roster) reopen() {
	ctx, cancel := r.attempt()
	defer cancel()
	if _, err := r.js.KeyValue(ctx, r.bucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
		return
	}
	if _, err := r.open(ctx); err == nil {
		r.rename()
	}
}

// beat signs that the replica is alive.
func (r *Roster) beat() bool {
	r.mu.Lock()
	id := r.id
	r.mu.Unlock()
	ctx, cancel := r.attempt()
	defer cancel()
	_, err := r.kv.Put(ctx, leaseKey(id), nil)
	return err == nil
}

// attempt returns a context for one request. It ends before the replica counts as dead.
func (r *Roster) attempt() (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.closed, min(attemptTimeout, r.expiry/3))
}

// maxFormer bounds the former IDs that a replica knows.
const maxFormer = 1000

// rename enters all members again under another name of the replica.
func (r *Roster) rename() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead[r.id] = true
	if len(r.former) == maxFormer {
		clear(r.former)
	}
	r.former[r.id] = struct{}{}
	clear(r.writes)
	r.id = newReplica()
	for own := range r.own {
		r.unlist(own.room, own.key)
		r.enter(own)
	}
}

// writeSome writes some of what has changed, and reports whether it could.
func (r *Roster) writeSome() bool {
	some := r.someWrites()
	var writing sync.WaitGroup
	seats := make(chan struct{}, parallelWrites)
	var mu sync.Mutex
	ok := true
	for key, w := range some {
		seats <- struct{}{}
		writing.Go(func() {
			defer func() { <-seats }()
			if err := r.writeKey(key, w); err != nil {
				mu.Lock()
				defer mu.Unlock()
				ok = false
			}
		})
	}
	writing.Wait()
	return ok
}

// someWrites returns some of the writes that wait.
func (r *Roster) someWrites() map[string]write {
	r.mu.Lock()
	defer r.mu.Unlock()
	some := make(map[string]write)
	for key, w := range r.writes {
		if len(some) == roundWrites {
			select {
			case r.kick <- struct{}{}:
			default:
			}
			break
		}
		some[key] = w
	}
	return some
}

func (r *Roster) writeKey(key string, w write) (err error) {
	ctx, cancel := r.attempt()
	defer cancel()
	if w.value != nil {
		_, err = r.kv.Put(ctx, key, w.value)
	} else {
		err = r.kv.Purge(ctx, key, jetstream.PurgeTTL(markerTTL))
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes[key].version == w.version {
		delete(r.writes, key)
	}
	return nil
}

// bury removes the keys of dead replicas from the bucket.
func (r *Roster) bury() bool {
	r.mu.Lock()
	dead := maps.Clone(r.dead)
	r.mu.Unlock()
	for id, announce := range dead {
		ctx, cancel := r.attempt()
		err := r.remove(ctx, id, announce)
		cancel()
		if err != nil {
			return false
		}
		r.mu.Lock()
		delete(r.dead, id)
		r.mu.Unlock()
	}
	return true
}
