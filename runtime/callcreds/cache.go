package callcreds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// token is an access token and when it is used. Its times have no monotonic reading, because that
// stands still while a machine is suspended.
type token struct {
	header   map[string]string
	obtained time.Time
	refresh  time.Time // when a new one is requested
	expires  time.Time // when it is no longer sent
	suspect  atomic.Bool
}

// failure is why there is no access token. It has no secret.
type failure struct {
	code  codes.Code
	text  string
	retry time.Duration // what the endpoint asks clients to wait; 0 if nothing
}

func (f *failure) Error() string { return f.text }

func unavailable(format string, args ...any) *failure {
	return &failure{code: codes.Unavailable, text: fmt.Sprintf(format, args...)}
}

// newToken returns a token that was requested at a time. It is not sent in the last tenth of its
// lifetime, at most 10 seconds, because it must be valid when it arrives. Replicas that started
// together refresh it at different times.
func newToken(header map[string]string, sent time.Time, lifetime time.Duration) *token {
	sent = sent.Round(0)
	early := 0.75 + 0.1*rand.Float64()
	return &token{
		header: header, obtained: sent,
		refresh: sent.Add(time.Duration(early * float64(lifetime))),
		expires: sent.Add(lifetime - min(lifetime/10, 10*time.Second)),
	}
}

// Limits of the tokens of [OAuth2].
const (
	// RequestTimeout is how long a request for an access token may take.
	RequestTimeout = 10 * time.Second
	// DefaultLifetime is how long a token is used if the endpoint does not state its lifetime.
	DefaultLifetime = 5 * time.Minute
	// MaxLifetime is how long a token is used at most.
	MaxLifetime = 24 * time.Hour
	// MaxResponse is the number of bytes of the longest response of the endpoint.
	MaxResponse = 1 << 20
	// RejectionAge is the age from which a token that a server rejects is replaced.
	RejectionAge = 10 * time.Second
)

// cache holds the newest token, and replaces it.
type cache struct {
	fetch   func(context.Context) (*token, error)
	logger  *slog.Logger
	host    string
	current atomic.Pointer[token]

	mu       sync.Mutex
	flight   chan struct{} // closed when the running request has ended; nil if none is running
	failures int           // requests that have failed in a row
	retry    time.Time     // when the next request may be made
	err      error         // of the last request
}

// errStale is the error of a call for which tokens expire before they arrive.
var errStale = status.Error(codes.Unavailable, "callcreds: the access tokens expire before they arrive")

// get returns the header of a call.
func (c *cache) get(ctx context.Context) (map[string]string, error) {
	for range 3 { // the first token, and one that expired while the process was stopped
		t, now := c.current.Load(), time.Now()
		fresh := t != nil && !t.suspect.Load()
		if fresh && now.Before(t.refresh) {
			return t.header, nil
		}
		valid := t != nil && now.Before(t.expires)
		flight, err := c.request(now)
		if valid && (fresh || flight == nil) {
			return t.header, nil
		}
		if flight == nil {
			return nil, err
		}
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	return nil, errStale
}

// request starts a request for a new token, unless one is running, and returns what is closed at
// its end. It returns nil and the last error if it is too early for another request.
func (c *cache) request(now time.Time) (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flight != nil {
		return c.flight, nil
	}
	if now.Before(c.retry) {
		return nil, c.err
	}
	c.flight = make(chan struct{})
	go c.run()
	return c.flight, nil
}

// run makes a request. It does not belong to the call that started it, which may be canceled.
func (c *cache) run() {
	ctx, cancel := context.WithTimeout(context.Background(), RequestTimeout)
	defer cancel()
	t, err := c.safeFetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.current.Store(t)
		c.failures, c.retry, c.err = 0, time.Time{}, nil
	} else {
		c.fail(err)
	}
	close(c.flight)
	c.flight = nil
}

// safeFetch is fetch, whose transport may be a user's and panic.
func (c *cache) safeFetch(ctx context.Context) (t *token, err error) {
	defer func() {
		if value := recover(); value != nil {
			report.Panic(ctx, c.logger, value)
			err = unavailable("the transport panicked")
		}
	}()
	return c.fetch(ctx)
}

// fail keeps the error of a request, and logs it. c is locked.
func (c *cache) fail(err error) {
	f := unavailable("%v", err)
	_ = errors.As(err, &f)
	c.err = status.Error(f.code, fmt.Sprintf("callcreds: no access token from %s: %s", c.host, f.text))
	wait := time.Second << min(c.failures, 6)
	wait = min(wait, time.Minute)
	wait = max(time.Duration((0.8+0.4*rand.Float64())*float64(wait)), min(f.retry, 5*time.Minute))
	c.failures++
	c.retry = time.Now().Add(wait)
	report.Log(func() {
		c.logger.Warn("access token not refreshed", slog.String("endpoint", c.host),
			slog.String("error", f.text), slog.Duration("retry_in", wait))
	})
}

// reject marks the token as one that a server has rejected, unless it is new.
func (c *cache) reject() {
	if t := c.current.Load(); t != nil && time.Since(t.obtained) >= RejectionAge {
		t.suspect.Store(true)
	}
}
