package client

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The budget of retries and hedges, as in gRFC A6's example of retryThrottling. A failure takes a
// token, a success returns a tenth of one, and there are no more attempts while half of the
// tokens are missing.
const (
	throttleTokens = policy.ThrottleTokens
	throttleRatio  = policy.ThrottleRatio
)

// hedgeBudget bounds the load that hedging adds to servers. In gRFC A6 only failures take a
// token; here a hedge takes one too. So overloaded servers get a tenth more load, not twice as
// much. The zero budget is full.
type hedgeBudget struct {
	gone atomic.Int64 // tenths of tokens
}

const tenthsOfToken = 10

// allows reports whether a call may be hedged.
func (b *hedgeBudget) allows() bool { return b.gone.Load() < throttleTokens*tenthsOfToken/2 }

// spend takes a token, for a failure or a hedge.
func (b *hedgeBudget) spend() { b.add(tenthsOfToken) }

// earn returns the tokens that a success earns.
func (b *hedgeBudget) earn() { b.add(-throttleRatio * tenthsOfToken) }

func (b *hedgeBudget) add(n int64) {
	for {
		gone := b.gone.Load()
		if next := min(max(gone+n, 0), throttleTokens*tenthsOfToken); next == gone || b.gone.CompareAndSwap(gone, next) {
			return
		}
	}
}
