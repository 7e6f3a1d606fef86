package otlp

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// outage logs once that the collector is away, and once that it is back.
type outage struct {
	logger *slog.Logger // nil means slog.Default

	mu   sync.Mutex
	away bool
	lost int64 // spans since the collector is away

	fullAt atomic.Int64 // when a full queue was logged last, in nanoseconds
}

// fullEvery is how often a full queue is logged at most.
const fullEvery = time.Minute

func (o *outage) log() *slog.Logger {
	if o.logger != nil {
		return o.logger
	}
	return slog.Default()
}

// failed records that n spans were not sent.
func (o *outage) failed(n int64, err error) {
	o.mu.Lock()
	first := !o.away
	o.away = true
	o.lost += n
	o.mu.Unlock()
	if first {
		o.log().Warn("the collector does not accept spans; calls go on without it", "error", err)
	}
}

// sent records that spans were sent.
func (o *outage) sent() {
	o.mu.Lock()
	away, lost := o.away, o.lost
	o.away, o.lost = false, 0
	o.mu.Unlock()
	if away {
		o.log().Info("the collector accepts spans again", "lost", lost)
	}
}

// full records that the queue was full.
func (o *outage) full(now time.Time, limit int) {
	last := o.fullAt.Load()
	if last != 0 && now.UnixNano()-last < int64(fullEvery) || !o.fullAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	o.log().Warn("the queue of spans is full; further spans are dropped", "queue", limit)
}
