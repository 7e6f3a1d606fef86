package redisidem

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
	patience = 10 * time.Second
)

var (
	//go:embed store.lua
	storeSource string
	//go:embed begin.lua
	beginSource string
	//go:embed renew.lua
	renewSource string
	//go:embed finish.lua
	finishSource string
	//go:embed release.lua
	releaseSource string

	scriptBegin   = redis.NewScript(storeSource + beginSource)
	scriptRenew   = redis.NewScript(storeSource + renewSource)
	scriptFinish  = redis.NewScript(storeSource + finishSource)
	scriptRelease = redis.NewScript(storeSource + releaseSource)
)

var (
	errLate = errors.New("redis has not replied in time")
	errBusy = errors.New("too many requests to redis are in flight")
)

// requester sends scripts to Redis. A request runs in its own goroutine, because most clients
// ignore the deadlines of contexts while they read, and because a client closes its connection if
// the context of a request ends: callers who cancel calls could make it reconnect all the time.
type requester struct {
	client redis.Scripter
	slots  chan struct{}
}

func newRequester(client redis.Scripter) *requester {
	return &requester{client: client, slots: make(chan struct{}, maxInFlight)}
}

type reply struct {
	value any
	err   error
}

// ask runs a script. It waits until timeout at most, or until ctx ends; late then gets the reply
// that comes after all.
func (q *requester) ask(
	ctx context.Context, timeout time.Duration, script *redis.Script, keys []string, args []any, late func(reply),
) (reply, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case q.slots <- struct{}{}:
	case <-timer.C:
		return reply{}, errBusy
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
	replies, gone := make(chan reply), make(chan struct{})
	defer close(gone)
	go func() {
		defer func() { <-q.slots }()
		r := q.run(script, keys, args)
		select {
		case replies <- r:
		case <-gone:
			late(r)
		}
	}()
	select {
	case r := <-replies:
		return r, nil
	case <-timer.C:
		return reply{}, errLate
	case <-ctx.Done():
		return reply{}, ctx.Err()
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
