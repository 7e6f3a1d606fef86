package natshub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// Log is an [eventlog.Store] and an [eventlog.SizedStore] on a JetStream stream. Its methods may be
// called concurrently. They repeat requests while NATS is away, until their context or the time of
// [WithTimeout] ends; then they fail.
//
// The epoch of a position is derived from the time at which the stream was created and a random
// number in its metadata, which is also in its subject. So a stream that was deleted and created
// again, by whatever means, is another incarnation. A stream that was restored from a backup with
// its metadata and its time is the same one: positions beyond its end are unknown until as many
// records were appended, and then name other records. To make it another incarnation, change
// grpcservice-epoch in its metadata and the subjects that contain it.
//
// Records are read with direct gets and no consumer, so there is none that can stall. The bounds
// come from the leader of the stream for each read, so a replica of the stream that is behind is
// noticed and asked again. A record that is missing between others is an error of Read.
type Log struct {
	js       jetstream.JetStream
	nc       *nats.Conn
	name     string
	settings logSettings
	hints    hints
	batches  chan struct{} // holds a value for each batch that is being published
	closing  context.CancelFunc
	closed   context.Context

	current          atomic.Pointer[view]
	connection       atomic.Pointer[connection]
	retries, stalled atomic.Int64
}

var _ eventlog.SizedStore = (*Log)(nil)

// maxBatches bounds the batches that a log publishes at a time. A server allows 50 for a stream.
const maxBatches = 8

// OpenLog returns the log in the stream with a name, which consists of letters, digits, - and _. It
// creates the stream if there is none. If there is one, its configuration must be what a log needs
// and what options state, or the error names the setting.
//
// The server must be NATS 2.12 or later. The caller must call [Log.Close].
func OpenLog(
	ctx context.Context, js jetstream.JetStream, name string, opts ...LogOption,
) (*Log, error) {
	l := &Log{
		js: js, nc: js.Conn(), name: name, settings: newLogSettings(opts),
		batches: make(chan struct{}, maxBatches),
	}
	if err := l.settings.check(name); err != nil {
		return nil, err
	}
	if err := checkVersion(l.nc.ConnectedServerVersion()); err != nil {
		return nil, err
	}
	l.closed, l.closing = context.WithCancel(context.Background())
	l.reconnect()
	err := l.retry(ctx, "opening", l.open)
	if err == nil {
		err = l.hints.start(l)
	}
	if err != nil {
		l.closing()
		return nil, err
	}
	return l, nil
}

// open creates the stream unless it exists.
func (l *Log) open(ctx context.Context) error {
	_, err := l.view(ctx)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	config := l.settings.config(l.name)
	_, err = l.js.CreateStream(ctx, config)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica
		return err
	}
	if err == nil { // wakes readers of a former incarnation
		if err := l.nc.Publish(config.RePublish.Destination, nil); err != nil {
			return err
		}
	}
	_, err = l.view(ctx)
	return err
}

// Close ends what the log runs in the background. It does not close the connection. Calls that run
// fail, and so do later ones.
func (l *Log) Close() {
	l.closing()
	l.hints.stop(l.nc)
}

// view is the state of the stream, as its leader stated it.
type view struct {
	subject string
	bounds  eventlog.Bounds
	bytes   uint64
	last    time.Time // of the last record
}

// view asks the leader of the stream for its state and checks its configuration.
func (l *Log) view(ctx context.Context) (*view, error) {
	stream, err := l.js.Stream(ctx, l.name)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if err := l.settings.compare(&info.Config); err != nil {
		return nil, err
	}
	state := &info.State
	v := &view{
		subject: info.Config.Subjects[0], bytes: state.Bytes, last: state.LastTime,
		bounds: eventlog.Bounds{
			Epoch: epochOf(info), First: max(state.FirstSeq, 1), Last: state.LastSeq,
		},
	}
	if state.Msgs == 0 {
		v.bounds.First = v.bounds.Last + 1
	}
	l.current.Store(v)
	l.hints.seen(v.subject, v.bounds.Last)
	return v, nil
}

// Bounds implements [eventlog.Store].
func (l *Log) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	v, err := l.viewed(ctx, "reading the bounds of")
	if err != nil {
		return eventlog.Bounds{}, err
	}
	return v.bounds, nil
}

// Size implements [eventlog.SizedStore], as the server counts.
func (l *Log) Size(ctx context.Context) (int64, error) {
	v, err := l.viewed(ctx, "reading the size of")
	if err != nil {
		return 0, err
	}
	return int64(v.bytes), nil
}

// viewed is view with retries.
func (l *Log) viewed(ctx context.Context, what string) (v *view, err error) {
	err = l.retry(ctx, what, func(ctx context.Context) (err error) {
		v, err = l.view(ctx)
		return err
	})
	return v, err
}

// Trim implements [eventlog.Store].
func (l *Log) Trim(ctx context.Context, through eventlog.Position) error {
	return l.retry(ctx, "trimming", func(ctx context.Context) error {
		v, err := l.view(ctx)
		switch {
		case err != nil:
			return err
		case through.Epoch != v.bounds.Epoch || through.Sequence > v.bounds.Last:
			return v.bounds.Check(through)
		case through.Sequence < v.bounds.First:
			return nil
		}
		stream, err := l.js.Stream(ctx, l.name)
		if err != nil {
			return err
		}
		return stream.Purge(ctx, jetstream.WithPurgeSequence(through.Sequence+1))
	})
}

// retry calls try until it succeeds, fails for good, or the time is up.
func (l *Log) retry(ctx context.Context, what string, try func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole, cancel := context.WithTimeout(ctx, l.settings.timeout)
	defer cancel()
	defer context.AfterFunc(l.closed, cancel)()
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		attempt, done := context.WithTimeout(whole, attemptTimeout)
		unhook := context.AfterFunc(l.connection.Load().ctx, done)
		err := try(attempt)
		unhook()
		done()
		if err == nil || !l.isTransient(err) {
			return l.explain(what, err)
		}
		pause(whole, wait)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("natshub: %s log %q: %w; the last attempt failed: %w",
				what, l.name, ctx.Err(), err)
		case l.closed.Err() != nil:
			return fmt.Errorf("natshub: %s log %q: %w", what, l.name, errClosed)
		case whole.Err() != nil:
			return fmt.Errorf("natshub: %s log %q within %v: %w", what, l.name, l.settings.timeout, err)
		}
		l.retries.Add(1)
	}
}

// connection ends when the client has connected again. Answers that were under way are lost then.
type connection struct {
	ctx context.Context
	end context.CancelFunc
}

// reconnect ends the attempts that wait for answers of a former connection.
func (l *Log) reconnect() {
	next := new(connection)
	next.ctx, next.end = context.WithCancel(l.closed)
	if former := l.connection.Swap(next); former != nil {
		former.end()
	}
}

// How often requests are repeated, and how long one attempt may take.
const (
	firstWait      = 20 * time.Millisecond
	maxWait        = time.Second
	attemptTimeout = 3 * time.Second
)

// pause waits for about d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(jittered(d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// jittered returns a random time from half of d to one and a half.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d) }
