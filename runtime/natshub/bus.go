package natshub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/grpcservice/grpcservice/runtime/hub"
)

// Defaults of [NewBus].
const (
	// DefaultRoomPrefix is the default of [WithRoomPrefix].
	DefaultRoomPrefix = "grpcservice.rooms"
	// DefaultPendingMessages and DefaultPendingBytes are the defaults of [WithPending].
	DefaultPendingMessages = 1024
	DefaultPendingBytes    = 4 << 20
)

// flushTimeout is how long Subscribe waits for the server.
const flushTimeout = 5 * time.Second

// BusOption configures [NewBus].
type BusOption func(*Bus)

// WithRoomPrefix makes rooms subjects below a prefix, instead of [DefaultRoomPrefix]. Applications
// that share an account of NATS need different prefixes.
func WithRoomPrefix(prefix string) BusOption { return func(b *Bus) { b.prefix = prefix } }

// WithPending bounds what waits for a room that receives slowly, instead of
// [DefaultPendingMessages] and [DefaultPendingBytes]. Later messages are lost.
func WithPending(messages, bytes int) BusOption {
	return func(b *Bus) { b.pendingMessages, b.pendingBytes = max(messages, 1), max(bytes, 1) }
}

// WithBusName sets the label "name" of the metrics of a bus, "" by default.
func WithBusName(name string) BusOption { return func(b *Bus) { b.name = name } }

// Bus is a [hub.Bus] over core NATS. A room with members is a subscription, and a goroutine of
// nats.go. Its methods may be called concurrently.
//
// Each message has a number, so that receivers know how many are missing between two messages of
// a publisher, whether this process, the server or a reconnect has lost them. They know it with the
// next message of that publisher. Losses of the bus's own messages are not counted: a hub has
// delivered them to its members itself.
//
// While the server is away, messages wait in the buffer of the connection (nats.ReconnectBufSize),
// and are sent when it is back. What does not fit is lost: Publish returns nil, and
// [metric.NatshubDropped] counts it. So members of a replica go on without NATS.
type Bus struct {
	nc     *nats.Conn
	err    error // a mistake in the options, returned by Publish and Subscribe
	name   string
	prefix string

	pendingMessages, pendingBytes int

	publisher [8]byte
	lanes     lanes
	dropped   atomic.Int64
}

var _ hub.LimitedBus = (*Bus)(nil)

// NewBus returns a bus over a connection, which the caller closes. A connection that should
// survive outages has nats.MaxReconnects(-1). If an option is invalid, or the connection has
// NoEcho, Publish and Subscribe return an error.
func NewBus(nc *nats.Conn, opts ...BusOption) *Bus {
	b := &Bus{
		nc: nc, prefix: DefaultRoomPrefix,
		pendingMessages: DefaultPendingMessages, pendingBytes: DefaultPendingBytes,
	}
	for _, opt := range opts {
		opt(b)
	}
	_, _ = rand.Read(b.publisher[:]) // never fails
	b.err = checkPrefix(b.prefix)
	if nc.Opts.NoEcho {
		b.err = errors.New("natshub: the connection has NoEcho, so hubs of one process would not " +
			"receive each other's messages; connect without it")
	}
	return b
}

// subject returns the subject of a room.
func (b *Bus) subject(room string) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	if err := checkKey("room", room); err != nil {
		return "", err
	}
	return b.prefix + "." + token(room), nil
}

// MaxBytes implements [hub.LimitedBus] with the server's max_payload.
func (b *Bus) MaxBytes() int64 {
	limit := b.nc.MaxPayload()
	if limit == 0 { // not connected yet
		return 0
	}
	return max(limit-frameHead, 1)
}

// Publish implements [hub.Bus]. Data that is larger than the server's max_payload is
// [hub.ErrTooLarge]. A connection that is closed or draining is an error.
func (b *Bus) Publish(ctx context.Context, room string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subject, err := b.subject(room)
	if err != nil {
		return err
	}
	lane := b.lanes.of(room)
	lane.mu.Lock() // numbers are in the order of calls
	defer lane.mu.Unlock()
	number := lane.sent + 1
	err = b.nc.Publish(subject, encodeFrame(b.publisher, lane.id, number, data))
	switch {
	case err != nil && isOutage(b.nc, err):
		b.dropped.Add(1)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: the message has %d bytes, and the NATS server takes %d; raise its "+
			"max_payload or publish less", hub.ErrTooLarge, len(data), b.MaxBytes())
	case err != nil:
		return fmt.Errorf("natshub: publishing to %q: %w", subject, err)
	}
	lane.sent = number
	return nil
}

// Subscribe implements [hub.Bus]. It waits until the server has the subscription, unless the
// server is away: then the subscription starts with the next connection. A server that does not
// answer within 5 seconds is an error.
//
// In a cluster of NATS servers, a subscription reaches the other servers shortly after Subscribe
// has returned.
func (b *Bus) Subscribe(
	ctx context.Context, room string, receive func(data []byte, lost int),
) (stop func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	subject, err := b.subject(room)
	if err != nil {
		return nil, err
	}
	f := &feed{publisher: b.publisher, receive: receive, seen: make(map[laneID]uint64)}
	sub, err := b.nc.Subscribe(subject, f.handle)
	if err != nil {
		return nil, fmt.Errorf("natshub: subscribing to %q: %w", subject, err)
	}
	stop = func() {
		f.stopped.Store(true)
		_ = sub.Unsubscribe() // fails if the connection is closed or stop was called
	}
	if err := sub.SetPendingLimits(b.pendingMessages, b.pendingBytes); err != nil {
		stop()
		return nil, fmt.Errorf("natshub: subscribing to %q: %w", subject, err)
	}
	if err := flush(ctx, b.nc); err != nil {
		stop()
		return nil, fmt.Errorf("natshub: subscribing to %q: %w", subject, err)
	}
	return stop, nil
}

// isOutage reports whether a message cannot be sent because the server is away: the buffer of the
// connection is full, or the client writes to a connection that it does not know to be lost yet.
func isOutage(nc *nats.Conn, err error) bool {
	var network net.Error
	return !nc.IsClosed() &&
		(errors.Is(err, nats.ErrReconnectBufExceeded) || errors.As(err, &network))
}

// flush waits until the server has processed what was sent. It returns nil if the connection is
// lost meanwhile, because nats.go sends subscriptions again.
func flush(ctx context.Context, nc *nats.Conn) error {
	if !nc.IsConnected() && !nc.IsClosed() {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	err := nc.FlushWithContext(within)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case nc.IsClosed():
		return nats.ErrConnectionClosed
	case within.Err() != nil && nc.IsConnected():
		return fmt.Errorf("the server does not answer within %v: %w", flushTimeout, err)
	}
	return nil
}

// frameFormat is the first byte of a message. The publisher, the lane and the number follow, 8
// bytes each, and the data.
const (
	frameFormat = 1
	frameHead   = 1 + 8 + 8 + 8
)

func encodeFrame(publisher [8]byte, lane, number uint64, data []byte) []byte {
	frame := make([]byte, 0, frameHead+len(data))
	frame = append(append(frame, frameFormat), publisher[:]...)
	frame = binary.BigEndian.AppendUint64(frame, lane)
	frame = binary.BigEndian.AppendUint64(frame, number)
	return append(frame, data...)
}

// laneID identifies the messages of a publisher in a room, over all processes.
type laneID [16]byte

func decodeFrame(frame []byte) (id laneID, number uint64, data []byte, ok bool) {
	if len(frame) < frameHead || frame[0] != frameFormat {
		return id, 0, nil, false
	}
	return laneID(frame[1:17]), binary.BigEndian.Uint64(frame[17:]), frame[frameHead:], true
}
