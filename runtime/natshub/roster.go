package natshub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// Defaults of [OpenRoster].
const (
	// DefaultExpiry is the default of [WithExpiry].
	DefaultExpiry = 15 * time.Second
	// DefaultMaxListed is the default of [WithMaxListed].
	DefaultMaxListed = 100_000
	// rosterBytes bounds a bucket.
	rosterBytes = 128 << 20
)

// RosterOption configures [OpenRoster].
type RosterOption func(*Roster)

// WithExpiry sets after which time without a sign of life a replica counts as dead, instead of
// [DefaultExpiry]; at least a second. All replicas need the same. A replica signs three times in
// that time.
func WithExpiry(d time.Duration) RosterOption {
	return func(r *Roster) { r.expiry = max(d, time.Second) }
}

// WithMaxListed bounds how many members of other replicas are listed, in all rooms, instead of
// [DefaultMaxListed]. Further ones are not listed.
func WithMaxListed(n int) RosterOption { return func(r *Roster) { r.maxListed = max(n, 1) } }

// WithRosterReplicas keeps a new bucket on n servers of a cluster: 1, the default, 3 or 5.
func WithRosterReplicas(n int) RosterOption { return func(r *Roster) { r.copies = max(n, 1) } }

// WithRosterName sets the label "name" of the metrics of a roster, "" by default.
func WithRosterName(name string) RosterOption { return func(r *Roster) { r.label = name } }

// Roster is a [hub.Roster] in a JetStream key-value bucket. A replica writes its members into the
// bucket and signs that it is alive; each replica has all members in memory. Its methods may be
// called concurrently, and none waits for NATS.
//
// Members are listed on other replicas soon after they have joined, and no longer soon after they
// have left. If a replica dies, the others remove its members after one to one and a half times
// the expiry. While NATS is away, nothing expires and the members known last stay listed. A
// replica that was paused or cut off for longer than two thirds of the expiry lists its members
// again under another name of the replica.
//
// A roster is for one hub. Hubs with different rooms need different buckets.
type Roster struct {
	js        jetstream.JetStream
	kv        jetstream.KeyValue
	bucket    string
	label     string
	expiry    time.Duration
	maxListed int
	copies    int

	closed  context.Context
	closing context.CancelFunc
	running sync.WaitGroup
	kick    chan struct{} // something is to be written

	retries, stalled atomic.Int64

	mu      sync.Mutex
	id      string                           // of this replica in the bucket
	number  uint64                           // of the last own member
	expired func(room string, m hub.Listed)  // nil without Notify
	own     map[*ownMember]struct{}          // members of this process
	writes  map[string]write                 // by key
	version uint64                           // of the last write
	rooms   map[string]map[string]hub.Listed // room, key
	others  map[string]*replica              // by ID
	listed  int                              // members of others
	// dead are replicas whose keys are to be removed, and whether that is announced.
	dead   map[string]bool
	former map[string]struct{} // IDs of this replica that it no longer has
}

// ownMember is a member of this process.
type ownMember struct {
	room, key string
	listed    hub.Listed
}

// write is a value to put, or nil to remove a key.
type write struct {
	value   []byte
	version uint64
}

// replica is another replica.
type replica struct {
	members map[string]string // key, room
	beat    time.Time         // the last sign of life
}

var _ hub.Roster = (*Roster)(nil)

// OpenRoster returns the roster in a bucket, which it creates if there is none. The name of a
// bucket consists of letters, digits, - and _. The caller must call [Roster.Close].
func OpenRoster(
	ctx context.Context, js jetstream.JetStream, bucket string, opts ...RosterOption,
) (*Roster, error) {
	r := &Roster{
		js: js, bucket: bucket, expiry: DefaultExpiry, maxListed: DefaultMaxListed, copies: 1,
		kick: make(chan struct{}, 1), id: newReplica(),
		own: make(map[*ownMember]struct{}), writes: make(map[string]write),
		rooms: make(map[string]map[string]hub.Listed), others: make(map[string]*replica),
		dead: make(map[string]bool), former: make(map[string]struct{}),
	}
	for _, opt := range opts {
		opt(r)
	}
	if bucket == "" || token(bucket) != bucket || len(bucket) > maxStreamName {
		return nil, fmt.Errorf("natshub: the name of the bucket %q is invalid; "+
			"use up to %d letters, digits, - and _", bucket, maxStreamName)
	}
	var err error
	if r.kv, err = r.open(ctx); err != nil {
		return nil, fmt.Errorf("natshub: opening the roster %q: %w", bucket, err)
	}
	r.closed, r.closing = context.WithCancel(context.Background())
	r.running.Go(r.write)
	r.running.Go(r.watch)
	return r, nil
}

// open opens the bucket, or creates it.
func (r *Roster) open(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := r.js.KeyValue(ctx, r.bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = r.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: r.bucket, Description: "members of rooms; see grpcservice/runtime/natshub",
			History: 1, MaxBytes: rosterBytes, Replicas: r.copies, LimitMarkerTTL: markerTTL,
		})
		if errors.Is(err, jetstream.ErrBucketExists) { // another replica
			kv, err = r.js.KeyValue(ctx, r.bucket)
		}
	}
	if err != nil {
		return nil, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, err
	}
	if status.LimitMarkerTTL() == 0 || status.History() != 1 || status.TTL() != 0 {
		return nil, fmt.Errorf("the bucket has history=%d, ttl=%v and limit_marker_ttl=%v, and a "+
			"roster needs 1, 0 and more than 0; choose another name, or delete the bucket",
			status.History(), status.TTL(), status.LimitMarkerTTL())
	}
	return kv, nil
}

// markerTTL is how long the bucket keeps that a key was removed.
const markerTTL = 10 * time.Minute

func newReplica() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Close removes the members of this process from the bucket, if NATS answers within 3 seconds, and
// ends what the roster runs in the background.
func (r *Roster) Close() {
	if r.closed.Err() != nil {
		return
	}
	r.closing()
	r.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	r.mu.Lock()
	id := r.id
	r.mu.Unlock()
	_ = r.remove(ctx, id, true)
}

// Keys of the bucket: the lease of a replica, and its members.
func leaseKey(id string) string { return "lease." + id }

func memberKey(id, room string, number uint64) string {
	return "member." + id + "." + token(room) + "." + strconv.FormatUint(number, 10)
}

// remove removes a replica from the bucket. If that is announced, the others know that it has not
// died; else each of them finds out by itself.
func (r *Roster) remove(ctx context.Context, id string, announce bool) error {
	stream, err := r.js.Stream(ctx, "KV_"+r.bucket)
	if err != nil {
		return err
	}
	if announce {
		err = r.kv.Purge(ctx, leaseKey(id), jetstream.PurgeTTL(markerTTL))
	} else {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+r.bucket+"."+leaseKey(id)))
	}
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+r.bucket+".member."+id+".>"))
}

// Enter implements [hub.Roster].
func (r *Roster) Enter(room string, m hub.Listed) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := &ownMember{room: room, listed: m}
	r.own[own] = struct{}{}
	r.enter(own)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, entered := r.own[own]; !entered {
			return
		}
		delete(r.own, own)
		r.unlist(own.room, own.key)
		r.schedule(own.key, nil)
	}
}

// enter lists an own member under the present name of the replica; r is locked.
func (r *Roster) enter(own *ownMember) {
	r.number++
	own.key = memberKey(r.id, own.room, r.number)
	r.list(own.room, own.key, own.listed)
	r.schedule(own.key, encodeListed(own.room, own.listed))
}

// schedule writes a key soon; r is locked.
func (r *Roster) schedule(key string, value []byte) {
	r.version++
	r.writes[key] = write{value, r.version}
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// list and unlist change the members of a room; r is locked.
func (r *Roster) list(room, key string, m hub.Listed) {
	if r.rooms[room] == nil {
		r.rooms[room] = make(map[string]hub.Listed)
	}
	r.rooms[room][key] = m
}

func (r *Roster) unlist(room, key string) {
	delete(r.rooms[room], key)
	if len(r.rooms[room]) == 0 {
		delete(r.rooms, room)
	}
}

// Members implements [hub.Roster].
func (r *Roster) Members(room string) []hub.Listed {
	r.mu.Lock()
	members := make([]hub.Listed, 0, len(r.rooms[room]))
	for _, m := range r.rooms[room] {
		members = append(members, m)
	}
	r.mu.Unlock()
	slices.SortFunc(members, hub.Listed.Compare)
	return members
}

// Notify implements [hub.Roster].
func (r *Roster) Notify(expired func(room string, m hub.Listed)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expired = expired
}

// listedValue is a member in the bucket. Rooms and names are any bytes.
type listedValue struct {
	Room    []byte `json:"room"`
	Replica []byte `json:"replica"`
	ID      uint64 `json:"id"`
	Name    []byte `json:"name,omitempty"`
	Joined  int64  `json:"joined"` // nanoseconds of Unix time
}

func encodeListed(room string, m hub.Listed) []byte {
	value, _ := json.Marshal(listedValue{ // cannot fail
		[]byte(room), []byte(m.Replica), m.ID, []byte(m.Name), m.Joined.UnixNano(),
	})
	return value
}

func decodeListed(value []byte) (room string, m hub.Listed, ok bool) {
	var v listedValue
	if json.Unmarshal(value, &v) != nil || len(v.Room) > maxKey || len(v.Name) > hub.MaxListedName {
		return "", m, false
	}
	return string(v.Room), hub.Listed{
		Replica: string(v.Replica), ID: v.ID, Name: string(v.Name), Joined: time.Unix(0, v.Joined),
	}, true
}

// replicaOf returns the ID of the replica in a key.
func replicaOf(key string) (id string, lease bool) {
	kind, rest, _ := strings.Cut(key, ".")
	id, _, _ = strings.Cut(rest, ".")
	return id, kind == "lease"
}
