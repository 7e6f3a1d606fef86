package client

import (
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The budget of retries and hedges: what gRFC A6 shows for retryThrottling. A failure takes a token, a success brings a
// tenth of one back, and there are no more attempts while half of the tokens are gone.
const (
	throttleTokens = policy.ThrottleTokens
	throttleRatio  = policy.ThrottleRatio
)

// hedgeBudget bounds what hedging adds to the load of servers. Beyond gRFC A6, which counts failures alone, a hedge takes a
// token too: servers that are slow because they have too much to do get a tenth more, not twice as much. The zero budget is
// full.
type hedgeBudget struct {
	gone atomic.Int64 // tenths of tokens
}

const tenthsOfToken = 10

// allows says whether a call may be hedged.
func (b *hedgeBudget) allows() bool { return b.gone.Load() < throttleTokens*tenthsOfToken/2 }

// spend takes a token, for a failure or a hedge.
func (b *hedgeBudget) spend() { b.add(tenthsOfToken) }

// earn brings back what a success does.
func (b *hedgeBudget) earn() { b.add(-throttleRatio * tenthsOfToken) }

func (b *hedgeBudget) add(n int64) {
	for {
		gone := b.gone.Load()
		if next := min(max(gone+n, 0), throttleTokens*tenthsOfToken); next == gone || b.gone.CompareAndSwap(gone, next) {
			return
		}
	}
}
