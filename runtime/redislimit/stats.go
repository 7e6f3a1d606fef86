package redislimit

import "sync/atomic"

// Stats are the counts of a [Limiter] since it was created.
type Stats struct {
	// Shared is the number of calls that Redis allowed or rejected.
	Shared uint64
	// Remembered is the number of calls that were rejected without a request to Redis, because it
	// had rejected a call of the same caller, and the time to retry had not come.
	Remembered uint64
	// Local is the number of calls that were allowed or rejected by the share of this replica.
	Local uint64
	// Failures is the number of requests to Redis that failed or were late.
	Failures uint64
	// Outages is how often Redis went away. It includes moments that were too short for a log record.
	Outages uint64
	// Away is 1 while Redis is away, otherwise 0. With a cluster it is the number of methods for
	// which Redis is away. A replica without calls does not notice that Redis is back.
	Away int
}

// Stats returns the counts of l, for metrics.
func (l *Limiter) Stats() Stats {
	return Stats{
		Shared:     l.counts.shared.Load(),
		Remembered: l.counts.remembered.Load(),
		Local:      l.counts.local.Load(),
		Failures:   l.counts.failures.Load(),
		Outages:    l.counts.outages.Load(),
		Away:       int(l.counts.away.Load()),
	}
}

type counts struct {
	shared, remembered, local, failures, outages atomic.Uint64
	away                                         atomic.Int64
}
