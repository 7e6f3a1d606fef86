package redisidem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// Store is an [idempotency.Store] in Redis. It is safe for concurrent use and needs no closing: its
// goroutines end with the requests to Redis that they send.
type Store struct {
	settings
	names    names
	requests *requester
}

var _ idempotency.Store = (*Store)(nil)

// New returns a Store that uses client: a *redis.Client or a *redis.ClusterClient. The caller closes
// the client after the server has stopped. Its timeouts, retries and pool do not delay calls.
func New(client redis.Scripter, opts ...Option) (*Store, error) {
	if isNil(client) {
		return nil, errors.New("redisidem.New(nil): pass a client")
	}
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	return &Store{settings: s, names: newNames(s), requests: newRequester(client)}, nil
}

// isNil reports whether client is nil or holds a nil pointer.
func isNil(client redis.Scripter) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// Begin implements [idempotency.Store].
func (s *Store) Begin(ctx context.Context, c idempotency.Claim) (idempotency.Entry, error) {
	args := []any{s.maxBytes, s.names.id(c.Key), s.names.owner(c.Key), c.Fence[:], c.Digest[:], millis(c.Lease), entrySize}
	late := func(r reply) { // the claim holds a key for a call that has failed
		if entry, err := r.entry(); err == nil && entry.Fence == c.Fence && !entry.Done {
			_ = s.requests.run(scriptRelease, s.names.keys, []any{s.maxBytes, s.names.id(c.Key), c.Fence[:]})
		}
	}
	r, err := s.requests.ask(ctx, s.timeout, scriptBegin, s.names.keys, args, late)
	if err != nil {
		return idempotency.Entry{}, err
	}
	return r.entry()
}

// Renew implements [idempotency.Store].
func (s *Store) Renew(ctx context.Context, key idempotency.Key, fence idempotency.Fence, lease time.Duration) error {
	return s.ask(ctx, scriptRenew, s.names.id(key), fence[:], millis(lease))
}

// Finish implements [idempotency.Store].
func (s *Store) Finish(
	ctx context.Context, key idempotency.Key, fence idempotency.Fence, response []byte, window time.Duration,
) error {
	size := entrySize + responseSize(len(response))
	if size > s.maxBytes { // not worth the way
		return fmt.Errorf("%w: a response of %d bytes, where it has %d", idempotency.ErrFull, len(response), s.maxBytes)
	}
	nonce := rand.Text()[:nonceSize]
	return s.ask(ctx, scriptFinish, s.names.id(key), fence[:], nonce, millis(window), size, response)
}

// Release implements [idempotency.Store].
func (s *Store) Release(ctx context.Context, key idempotency.Key, fence idempotency.Fence) error {
	return s.ask(ctx, scriptRelease, s.names.id(key), fence[:])
}

// ask runs a script that returns no entry.
func (s *Store) ask(ctx context.Context, script *redis.Script, args ...any) error {
	r, err := s.requests.ask(ctx, s.timeout, script, s.names.keys, append([]any{s.maxBytes}, args...), func(reply) {})
	if err != nil {
		return err
	}
	return r.verdict()
}

const (
	// entrySize is the memory that Redis uses for an entry without its response.
	entrySize = 1 << 10
	nonceSize = 8
	// longest bounds leases and windows: further times have too many digits for the scripts.
	longest = 100 * 365 * 24 * time.Hour
)

// responseSize returns about the memory of a response: Redis rounds up.
func responseSize(length int) int { return length + length/8 }

// millis returns a duration in milliseconds, at least 1.
func millis(d time.Duration) int64 {
	return max(1, int64((min(d, longest)+time.Millisecond-1)/time.Millisecond))
}

// verdict is what a script that returns no entry says.
func (r reply) verdict() error {
	values, err := r.values()
	if err != nil {
		return err
	}
	switch values[0] {
	case "OK":
		return nil
	case "LOST":
		return idempotency.ErrLost
	default:
		return errReply(values)
	}
}

// entry is what the script of Begin says.
func (r reply) entry() (e idempotency.Entry, err error) {
	values, err := r.values()
	if err != nil {
		return e, err
	}
	if len(values) != 4 {
		return e, errReply(values)
	}
	fence, okFence := values[0].(string)
	sum, okSum := values[1].(string)
	done, okDone := values[2].(int64)
	response, okResponse := values[3].(string)
	if !okFence || !okSum || !okDone || !okResponse || len(fence) != len(e.Fence) || len(sum) != digest.Size {
		return e, errReply(values)
	}
	copy(e.Fence[:], fence)
	copy(e.Digest[:], sum)
	if e.Done = done == 1; e.Done {
		e.Response = []byte(response)
	}
	return e, nil
}

// values returns what a script has replied: at least one value, and not that the store is full.
func (r reply) values() ([]any, error) {
	if r.err != nil {
		return nil, r.err
	}
	values, ok := r.value.([]any)
	switch {
	case !ok || len(values) == 0:
		return nil, errReply(r.value)
	case values[0] == "FULL":
		return nil, fmt.Errorf("%w beside %v bytes", idempotency.ErrFull, values[len(values)-1])
	}
	return values, nil
}

func errReply(value any) error {
	return fmt.Errorf("redis replied %.100q, which is not from the script", fmt.Sprint(value))
}
