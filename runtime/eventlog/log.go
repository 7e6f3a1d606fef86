package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/derived"
	"github.com/grpcservice/grpcservice/runtime/internal/refreshed"
)

// Log is a log of messages of Go type T. Its methods may be called concurrently.
//
// All readers of a Log share its tail, the latest entries: each is read from the store and
// decoded once. A reader that is older than the tail reads from the store.
//
// If the store fails, methods return UNAVAILABLE, reason LOG_UNAVAILABLE, with the store's error as
// its cause. After an append, the entries may be in the log or not then.
type Log[T any] struct {
	store  Store
	name   string
	limits tailLimits
	fresh  func() (*T, proto.Message)
	encode func(*T) ([]byte, error)
	held   *refreshed.Value[holding]

	appended atomic.Int64

	tail    atomic.Pointer[tail[T]] // nil until the first read
	mu      sync.Mutex              // guards changes of tail, and the fields below
	trimmed Position                // by this Log
	loading chan struct{}           // closed when a reader has extended the tail; nil if none does
}

// Entry is a message in a log. Readers may share it: do not modify it or its message.
type Entry[T any] struct {
	// Position is the position after the entry.
	Position Position
	// Time is when the entry was appended.
	Time time.Time
	// Message is the message.
	Message *T
	// Derived is for the packages of this module. It is nil if the entry has only one reader.
	Derived *derived.Values

	values derived.Values
	size   int // of the encoded message
}

// Option configures [New].
type Option func(*options)

type options struct {
	name string
	tail tailLimits
}

// WithName names the log. Positions that clients hold belong to a method and a name: a service
// with a log for each tenant gives each log another name. Names must stay the same when the
// process starts again. The name is also the label "name" of the metrics of the log.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// Defaults of [WithTail].
const (
	DefaultTailEntries = 1024
	DefaultTailBytes   = 4 << 20
)

// WithTail bounds the latest entries that all readers share, by number and by the size of the
// encoded messages, instead of [DefaultTailEntries] and [DefaultTailBytes].
func WithTail(entries, bytes int) Option {
	return func(o *options) { o.tail = tailLimits{max(entries, 1), max(bytes, 1)} }
}

// New returns a log of messages in a store:
//
//	log := eventlog.New[shopv1.Event](eventlog.NewMemory())
//
// It starts no goroutines and has nothing to close.
func New[T any, M interface {
	*T
	proto.Message
}](store Store, opts ...Option) *Log[T] {
	o := options{tail: tailLimits{DefaultTailEntries, DefaultTailBytes}}
	for _, opt := range opts {
		opt(&o)
	}
	return &Log[T]{
		store: store, name: o.name, limits: o.tail, held: refreshed.New(holdingOf(store)),
		fresh:  func() (*T, proto.Message) { m := new(T); return m, M(m) },
		encode: func(m *T) ([]byte, error) { return proto.Marshal(M(m)) },
	}
}

// Name returns the name of [WithName].
func (l *Log[T]) Name() string { return l.name }

// Append appends messages, adjacent to each other, and returns the position after the last.
// Without messages, it returns the head. The messages may be modified afterwards.
func (l *Log[T]) Append(ctx context.Context, messages ...*T) (Position, error) {
	return l.append(ctx, messages, l.store.Append)
}

// AppendTx appends messages in a transaction of the user, so that subscribers receive them if, and
// only if, its other changes are committed:
//
//	err := db.InTx(ctx, func(tx *sql.Tx) error {
//		… // create the order
//		_, err := log.AppendTx(ctx, tx, &shopv1.Event{OrderId: order.GetId()})
//		return err
//	})
//
// The store must be a [TxStore], which documents the type of tx and what waits for it; otherwise
// the error is [ErrNoTx]. The position is valid once tx is committed.
func (l *Log[T]) AppendTx(ctx context.Context, tx any, messages ...*T) (Position, error) {
	store, ok := l.store.(TxStore)
	if !ok {
		return Position{}, fmt.Errorf("%w: a %T has none; use Append", ErrNoTx, l.store)
	}
	return l.append(ctx, messages, func(ctx context.Context, data ...[]byte) (Position, error) {
		return store.AppendTx(ctx, tx, data...)
	})
}

// append encodes messages and appends them to the store.
func (l *Log[T]) append(
	ctx context.Context, messages []*T, store func(context.Context, ...[]byte) (Position, error),
) (Position, error) {
	if len(messages) == 0 {
		b, err := l.Bounds(ctx)
		return b.Head(), err
	}
	data := make([][]byte, len(messages))
	for i, m := range messages {
		if m == nil {
			return Position{}, errors.New("eventlog: the message is nil")
		}
		var err error
		if data[i], err = l.encode(m); err != nil {
			return Position{}, fmt.Errorf("eventlog: encoding a message: %w", err)
		}
	}
	at, err := store(ctx, data...)
	if err == nil {
		l.appended.Add(int64(len(data)))
	}
	return at, storeError(ctx, err)
}

// Bounds returns the range of entries that are left.
func (l *Log[T]) Bounds(ctx context.Context) (Bounds, error) {
	b, err := l.store.Bounds(ctx)
	return b, storeError(ctx, err)
}

// Seek returns the position before the first entry that was not appended before t, or the head if
// there is none.
func (l *Log[T]) Seek(ctx context.Context, t time.Time) (Position, error) {
	p, err := l.store.Seek(ctx, t)
	return p, storeError(ctx, err)
}

// Trim removes the entries up to and including a position. Readers that are at one of them get
// [ErrExpired], except for entries that they have read before: a [Reader] reads a few at a time,
// and other processes keep their tails.
func (l *Log[T]) Trim(ctx context.Context, through Position) error {
	if err := l.store.Trim(ctx, through); err != nil {
		return storeError(ctx, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trimmed.Epoch != through.Epoch || l.trimmed.Sequence < through.Sequence {
		l.trimmed = through
	}
	if t := l.tail.Load(); t != nil {
		l.tail.Store(t.without(l.trimmed))
	}
	return nil
}

// decode returns the entries of records.
func (l *Log[T]) decode(epoch uint64, records []Record) ([]*Entry[T], error) {
	entries := make([]*Entry[T], len(records))
	for i, r := range records {
		message, decoded := l.fresh()
		if err := proto.Unmarshal(r.Data, decoded); err != nil {
			return nil, fmt.Errorf("eventlog: record %d is not a %T: %w", r.Sequence, message, err)
		}
		entries[i] = &Entry[T]{
			Position: Position{epoch, r.Sequence}, Time: r.Time, Message: message, size: len(r.Data),
		}
	}
	return entries, nil
}
