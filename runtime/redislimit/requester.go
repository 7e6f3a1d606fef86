package redislimit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxInFlight bounds the requests of calls, also of those that no longer wait.
	maxInFlight = 1024
	// patience is how long a request may take whose call no longer waits, if the client obeys
	// contexts.
	patience = time.Second
)

var (
	//go:embed take.lua
	takeSource string
	//go:embed giveback.lua
	giveBackSource string
)

var (
	errLate = errors.New("redis has not replied in time")
	errBusy = errors.New("too many requests to redis are in flight")
)

// requester sends scripts to Redis. A request runs in its own goroutine, because most clients
// ignore the deadlines of contexts while they read, and because a client closes its connection if
// the context of a request ends: callers who cancel calls could make it reconnect all the time.
type requester struct {
	client         redis.Scripter
	take, giveBack *redis.Script
	slots          chan struct{}
}

func newRequester(client redis.Scripter) *requester {
	return &requester{
		client:   client,
		take:     redis.NewScript(takeSource),
		giveBack: redis.NewScript(giveBackSource),
		slots:    make(chan struct{}, maxInFlight),
	}
}

// verdict is what Redis decided about a call: a wait of 0 allows it.
type verdict struct {
	rate int
	wait time.Duration
}

type reply struct {
	value any
	err   error
}

// ask counts a call against the buckets keys. It waits until timeout at most, or until ctx ends.
func (q *requester) ask(ctx context.Context, timeout time.Duration, keys []string, args []any) (verdict, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case q.slots <- struct{}{}:
	case <-timer.C:
		return verdict{}, errBusy
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	replies := make(chan reply, 1)
	go func() {
		defer func() { <-q.slots }()
		replies <- q.run(q.take, keys, args)
	}()
	select {
	case r := <-replies:
		return r.verdict(len(keys))
	case <-timer.C:
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	select {
	case r := <-replies: // in time: this goroutine was late
		return r.verdict(len(keys))
	default:
		return verdict{}, errLate
	}
}

// probe counts a call against a separate bucket, and waits for [patience] at most: what a server
// that cannot write replies is an error, too.
func (q *requester) probe(key string) error {
	b := bucket{interval: time.Microsecond, span: time.Second}
	replies := make(chan reply, 1)
	go func() { replies <- q.run(q.take, []string{key}, b.args()) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-replies:
		_, err := r.verdict(1)
		return err
	case <-timer.C:
		return errLate
	}
}

// run runs a script: by its hash, or as a whole if the server does not have it, such as after a
// restart. A panic of one of the client's hooks is an error.
func (q *requester) run(script *redis.Script, keys []string, args []any) (r reply) {
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("the client panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.value, r.err = script.Run(ctx, q.client, keys, args...).Result()
	return r
}

// verdict decodes the reply of the script that counts a call against a number of rates.
func (r reply) verdict(rates int) (verdict, error) {
	if r.err != nil {
		return verdict{}, r.err
	}
	switch value := r.value.(type) {
	case int64:
		if value == 0 {
			return verdict{}, nil
		}
	case []any:
		if len(value) != 2 {
			break
		}
		rate, okRate := value[0].(int64)
		wait, okWait := value[1].(int64)
		if okRate && okWait && rate >= 1 && rate <= int64(rates) && wait >= 1 {
			wait = min(wait, int64(longest/time.Microsecond))
			return verdict{int(rate) - 1, time.Duration(wait) * time.Microsecond}, nil
		}
	}
	return verdict{}, fmt.Errorf("redis replied %T, which is not from the script", r.value)
}
