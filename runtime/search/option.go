package search

import (
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Option overrides what the policy of an RPC states, for one call of [Method.Serve].
type Option func(*policy.Search)

// WithMaxLimit sets the maximum number of results; 0 means no maximum. A higher limit of a request
// is reduced to it.
func WithMaxLimit(n int) Option { return func(s *policy.Search) { s.MaxLimit = n } }

// WithPackItems sets how many results a response holds before it is sent; at least 1.
func WithPackItems(n int) Option { return func(s *policy.Search) { s.PackItems = n } }

// WithPackBytes sets how many bytes of results a response holds before it is sent. A larger result
// is sent alone.
func WithPackBytes(n int64) Option { return func(s *policy.Search) { s.PackBytes = n } }

// WithPackWait sets how long a result waits for others in its response. With 0 it waits only while
// an earlier response is being sent.
func WithPackWait(d time.Duration) Option { return func(s *policy.Search) { s.PackWait = d } }

// limitsOf returns the limits of a policy with opts.
func limitsOf(limits policy.Search, opts []Option) policy.Search {
	if limits.PackItems <= 0 { // the policy of a method that is not declared a search
		limits = policy.Search{
			MaxLimit:  limits.MaxLimit,
			PackItems: policy.DefaultPackItems, PackBytes: policy.DefaultPackBytes, PackWait: policy.DefaultPackWait,
		}
	}
	for _, opt := range opts {
		opt(&limits)
	}
	limits.MaxLimit = max(limits.MaxLimit, 0)
	limits.PackItems = max(limits.PackItems, 1)
	limits.PackBytes = max(limits.PackBytes, 1)
	limits.PackWait = max(limits.PackWait, 0)
	return limits
}
