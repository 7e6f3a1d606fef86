package pgstore

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// listener receives notifications on one connection, which it opens when something is to be
// listened to, and opens again when it is lost.
type listener struct {
	connect func(context.Context) (*pgx.Conn, error)
	logger  *slog.Logger
	ctx     context.Context // ends with close
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu        sync.Mutex
	channels  map[string]*channel
	interrupt context.CancelFunc // ends the wait of the connection; nil before there is one
}

// channel is one that the listener listens to.
type channel struct {
	hint     chan struct{}          // closed at the next notification; nil if nobody waits
	receives []func(payload string) // get each payload; "" if some may have been missed
}

func newListener(connect func(context.Context) (*pgx.Conn, error), logger *slog.Logger) *listener {
	l := &listener{connect: connect, logger: logger, channels: make(map[string]*channel)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// close ends the connection, and waits for it. All hints are given.
func (l *listener) close() {
	l.mu.Lock()
	l.stop()
	l.mu.Unlock()
	l.work.Wait()
	l.notifyAll()
}

// notifyAll gives all hints.
func (l *listener) notifyAll() {
	l.mu.Lock()
	names := slices.Collect(maps.Keys(l.channels))
	l.mu.Unlock()
	for _, name := range names {
		l.notify(name, "")
	}
}

// next returns a channel that is closed at the next notification on a channel, or when some may
// have been missed.
func (l *listener) next(name string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.to(name)
	if c.hint == nil {
		c.hint = make(chan struct{})
	}
	if l.ctx.Err() != nil {
		closed := c.hint
		c.hint = nil
		close(closed)
		return closed
	}
	return c.hint
}

// receive makes the listener call f with the payload of each notification on a channel, and with
// "" when some may have been missed. f must return quickly.
func (l *listener) receive(name string, f func(payload string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.to(name)
	c.receives = append(c.receives, f)
}

// to returns a channel, after it has made the connection listen to it. The caller holds l.mu.
func (l *listener) to(name string) *channel {
	c := l.channels[name]
	if c != nil {
		return c
	}
	c = &channel{}
	l.channels[name] = c
	switch {
	case l.ctx.Err() != nil:
	case len(l.channels) == 1:
		l.work.Go(l.run)
	case l.interrupt != nil:
		l.interrupt()
	}
	return c
}

// notify passes a notification on.
func (l *listener) notify(name, payload string) {
	l.mu.Lock()
	c := l.channels[name]
	if c == nil {
		l.mu.Unlock()
		return
	}
	receives := c.receives
	if c.hint != nil {
		close(c.hint)
		c.hint = nil
	}
	l.mu.Unlock()
	for _, f := range receives {
		f(payload)
	}
}

// Pauses before the connection is opened again, and how long it may be silent before it is checked.
const (
	firstReconnect   = 50 * time.Millisecond
	longestReconnect = 5 * time.Second
	connectTimeout   = 10 * time.Second
	silence          = 30 * time.Second
)

// run keeps the connection.
func (l *listener) run() {
	pause := firstReconnect
	for l.ctx.Err() == nil {
		worked, err := l.serve()
		if l.ctx.Err() != nil {
			return
		}
		if worked {
			pause = firstReconnect
		}
		l.logger.LogAttrs(l.ctx, slog.LevelWarn, "notifications of the database are interrupted; reconnecting", slog.Any("error", err))
		// Without notifications, what waits for them looks itself, at the pace of the attempts
		l.notifyAll()
		if !sleep(l.ctx, pause/2+rand.N(pause)) {
			return
		}
		pause = min(2*pause, longestReconnect)
	}
}

// serve receives notifications on a connection until that fails. It reports whether the connection
// has listened to anything.
func (l *listener) serve() (worked bool, err error) {
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	conn, err := l.connect(ctx)
	cancel()
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
		defer cancel()
		conn.Close(ctx)
	}()
	listened := make(map[string]bool)
	for {
		waiting, done, missing := l.wait(listened)
		if err := l.listenTo(conn, missing, listened); err != nil {
			done()
			return worked, err
		}
		worked = worked || len(missing) > 0
		err := l.receiveOne(waiting, conn)
		done()
		if err != nil {
			return worked, err
		}
	}
}

// wait returns the context of a wait that ends when there is another channel, and the channels
// that the connection does not listen to yet.
func (l *listener) wait(listened map[string]bool) (ctx context.Context, done context.CancelFunc, missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, done = context.WithTimeout(l.ctx, silence)
	l.interrupt = done
	for name := range l.channels {
		if !listened[name] {
			missing = append(missing, name)
		}
	}
	return ctx, done, missing
}

// listenTo makes the connection listen to channels, and gives a hint for each, because of
// notifications before that.
func (l *listener) listenTo(conn *pgx.Conn, names []string, listened map[string]bool) error {
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	for _, name := range names {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
		listened[name] = true
		l.notify(name, "")
	}
	return nil
}

// receiveOne receives a notification and passes it on. After a silence, it checks the connection.
func (l *listener) receiveOne(ctx context.Context, conn *pgx.Conn) error {
	n, err := conn.WaitForNotification(ctx)
	switch {
	case err == nil:
		l.notify(n.Channel, n.Payload)
		return nil
	case l.ctx.Err() != nil || conn.IsClosed():
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		ping, cancel := context.WithTimeout(l.ctx, connectTimeout)
		defer cancel()
		return conn.Ping(ping)
	case ctx.Err() != nil: // another channel
		return nil
	}
	return err
}
