package client

import (
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// maxAttempts is the maximum number of attempts for one call, whatever the policy says (gRFC A6).
const maxAttempts = 5

// hedging is a method's hedging policy in the form that calls use.
type hedging struct {
	delay    time.Duration
	attempts int
	nonFatal codeSet
	budget   hedgeBudget
}

// newHedging returns nil if calls are not hedged.
func newHedging(p runtime.Hedging) *hedging {
	if p.MaxAttempts < 2 {
		return nil
	}
	return &hedging{
		delay: max(0, p.Delay), attempts: min(p.MaxAttempts, maxAttempts),
		nonFatal: codeSetOf(p.NonFatalCodes),
	}
}

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

// codeSet is a set of status codes, a bit each.
type codeSet uint32

// codeSetOf returns the set of the codes with the names that gRPC uses. Unknown names are
// ignored.
func codeSetOf(names []string) (set codeSet) {
	for _, name := range names {
		if code, err := codeOf(name); err == nil {
			set |= 1 << code
		}
	}
	return set
}

func (s codeSet) has(code codes.Code) bool { return s>>code&1 != 0 }

// codeOf parses a status code: "UNAVAILABLE".
func codeOf(name string) (code codes.Code, err error) {
	err = code.UnmarshalJSON(strconv.AppendQuote(nil, name))
	return code, err
}
