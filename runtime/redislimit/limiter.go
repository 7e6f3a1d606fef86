package redislimit

import (
	"errors"
	"hash/maphash"
	"reflect"
	"sync"
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
	counts   counts
	single   *circuit // of all methods; nil if they may depend on different servers

	mu       sync.Mutex
	circuits map[string]*circuit // of methods
	shares   map[shareKey]*limit.Group
}

// shareKey identifies the rates of a method in a step of the pipeline.
type shareKey struct {
	method string
	peers  bool
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
	l := &Limiter{
		settings: s,
		requests: newRequester(client),
		circuits: make(map[string]*circuit),
		shares:   make(map[shareKey]*limit.Group),
	}
	if _, single := client.(*redis.Client); single {
		l.single = l.newCircuit("", s.namespace+":probe")
	}
	return l, nil
}

// isNil reports whether client is nil or holds a nil pointer.
func isNil(client redis.Scripter) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// circuit returns the circuit of a method, which probes Redis with key. The methods of a cluster
// depend on different servers, so each has a circuit. The limiter is locked.
func (l *Limiter) circuit(method, key string) *circuit {
	if l.single != nil {
		return l.single
	}
	if l.circuits[method] == nil {
		l.circuits[method] = l.newCircuit(method, key)
	}
	return l.circuits[method]
}

func (l *Limiter) newCircuit(method, key string) *circuit {
	logger := l.logger
	if method != "" {
		logger = logger.With("method", method)
	}
	probe := func() error { return l.requests.probe(key) }
	return &circuit{timeout: l.timeout, probe: probe, logger: logger, counts: &l.counts, epoch: time.Now()}
}

// Bind implements [server.RateLimiter]. Rates that replace earlier ones of a method continue their
// counts.
func (l *Limiter) Bind(info runtime.MethodInfo, rates []runtime.Rate) server.MethodRates {
	r := &methodRates{
		limiter:  l,
		names:    newNames(l.settings, info, rates),
		refusals: refusals{epoch: time.Now(), seed: maphash.MakeSeed()},
		returns:  returns{requests: l.requests},
	}
	for _, rate := range rates {
		b := bucketOf(rate)
		r.args = append(r.args, b.args()...)
		r.returns.intervals = append(r.returns.intervals, b.interval)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.circuit = l.circuit(info.FullMethod, r.names.probe)
	r.local = l.share(info, rates)
	return r
}

// share returns this replica's share of rates, which continues the counts of an earlier Bind. The
// limiter is locked.
func (l *Limiter) share(info runtime.MethodInfo, rates []runtime.Rate) *limit.Group {
	key := shareKey{info.FullMethod, len(rates) > 0 && rates[0].Key == runtime.ByPeer}
	buckets := shares(rates, l.settings)
	if earlier := l.shares[key]; earlier != nil {
		l.shares[key] = earlier.Follow(time.Now(), buckets...)
	} else {
		l.shares[key] = limit.NewGroup(buckets...)
	}
	return l.shares[key]
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
