package redislimit

import (
	"errors"
	"hash/maphash"
	"reflect"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Limiter is a [server.RateLimiter] that counts calls in Redis. It is safe for concurrent use and
// needs no closing: its goroutines end with the requests to Redis that they send.
type Limiter struct {
	*settings
	requests *requester
	shared   *circuit // nil if methods may depend on different servers
	counts   counts
}

var _ server.RateLimiter = (*Limiter)(nil)

// New returns a Limiter that uses client: a *redis.Client, or a *redis.ClusterClient. The caller
// closes the client after the server has stopped. Its timeouts, retries and pool do not delay
// calls. A separate client for the limiter prevents other commands from exhausting its pool.
func New(client redis.Scripter, opts ...Option) (*Limiter, error) {
	if isNil(client) {
		return nil, errors.New("redislimit.New(nil): pass a client")
	}
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	l := &Limiter{settings: s, requests: newRequester(client)}
	if _, single := client.(*redis.Client); single {
		l.shared = l.newCircuit("", s.namespace+":probe")
	}
	return l, nil
}

// isNil reports whether client is nil or holds a nil pointer.
func isNil(client redis.Scripter) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// newCircuit returns a circuit that probes Redis with key. The methods of a cluster depend on
// different servers, so each has a circuit.
func (l *Limiter) newCircuit(method, key string) *circuit {
	logger := l.logger
	if method != "" {
		logger = logger.With("method", method)
	}
	probe := func() error { return l.requests.probe(key) }
	return &circuit{timeout: l.timeout, probe: probe, logger: logger, counts: &l.counts, epoch: time.Now()}
}

// Bind implements [server.RateLimiter].
func (l *Limiter) Bind(info runtime.MethodInfo, rates []runtime.Rate) server.MethodRates {
	r := &methodRates{
		limiter:  l,
		circuit:  l.shared,
		names:    newNames(l.settings, info, rates),
		local:    limit.NewGroup(shares(rates, l.settings)...),
		refusals: refusals{epoch: time.Now(), seed: maphash.MakeSeed()},
		returns:  returns{requests: l.requests},
	}
	for _, rate := range rates {
		b := bucketOf(rate)
		r.args = append(r.args, b.args()...)
		r.returns.intervals = append(r.returns.intervals, b.interval)
	}
	if r.circuit == nil {
		r.circuit = l.newCircuit(info.FullMethod, r.names.probe)
	}
	return r
}

// shares returns the buckets of one of several replicas while Redis is away.
func shares(rates []runtime.Rate, s *settings) []limit.Bucket {
	buckets := make([]limit.Bucket, len(rates))
	for i, rate := range rates {
		buckets[i] = limit.Bucket{
			PerSecond:  rate.PerSecond / float64(s.replicas),
			Burst:      max(1, rate.Burst/s.replicas),
			PerCaller:  rate.Key != runtime.ByMethod,
			MaxCallers: s.maxCallers,
		}
	}
	return buckets
}
