package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Fault is something in a policy that cannot be.
type Fault struct {
	// Field is the path of the field in the policy: "timeout.default", "rate[1].burst".
	Field string
	// Text says what is wrong with it, and what to do.
	Text string
	// Layer is the place, among the layers of [Merge], that says what cannot be.
	Layer int
}

// Error implements error.
func (f Fault) Error() string { return f.Field + ": " + f.Text }

// faults collects what is wrong.
type faults []Fault

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, Fault{Field: field, Text: fmt.Sprintf(format, args...)})
}

// Check returns all that is wrong with a policy, whatever method it is for.
func Check(p *grpcservicev1.Policy) []Fault {
	var f faults
	f.unknown("", p)
	f.timeout(p.GetTimeout())
	f.auth(p.GetAuth())
	f.rates(p.GetRate())
	f.concurrency(p.GetConcurrency())
	f.retry(p.GetRetry())
	f.hedging(p.GetHedging())
	if retries(p) && hedges(p) {
		f.add("hedging", "a method has either retry or hedging; remove one of them")
	}
	if p.GetMaxRequestBytes() < 0 {
		f.add("max_request_bytes", "%d is negative; set 0 for no limit", p.GetMaxRequestBytes())
	}
	if log := p.GetLog(); log != nil {
		if s := log.GetSample(); !(s >= 0 && s <= 1) {
			f.add("log.sample", "%v is not between 0 and 1", s)
		}
		f.enum("log.level", log.GetLevel())
	}
	f.patterns(p)
	return f
}

func (f *faults) timeout(t *grpcservicev1.Timeout) {
	standard, longest := f.duration("timeout.default", t.GetDefault()), f.duration("timeout.max", t.GetMax())
	if longest > 0 && standard > longest {
		f.add("timeout.default", "%v is above timeout.max, which is %v; lower one or raise the other", standard, longest)
	}
	idle, total := f.duration("timeout.idle", t.GetIdle()), f.duration("timeout.total", t.GetTotal())
	if total > 0 && idle > total {
		f.add("timeout.idle", "%v is above timeout.total, which is %v; lower one or raise the other", idle, total)
	}
}

func (f *faults) auth(a *grpcservicev1.Auth) {
	if a.GetPublic() && len(a.GetAllOf())+len(a.GetAnyOf()) > 0 {
		f.add("auth.public", "who is let in unknown cannot be asked for scopes; remove public or the scopes")
	}
	for i, scope := range a.GetAllOf() {
		f.scope(fmt.Sprintf("auth.all_of[%d]", i), scope)
	}
	for i, scope := range a.GetAnyOf() {
		f.scope(fmt.Sprintf("auth.any_of[%d]", i), scope)
	}
}

// scope checks a scope by RFC 6749, section 3.3: visible ASCII without quotes and backslashes.
func (f *faults) scope(field, scope string) {
	if scope == "" {
		f.add(field, "a scope cannot be empty")
	}
	for _, r := range scope {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			f.add(field, "the scope %q holds %q; scopes are visible ASCII without spaces, quotes and backslashes (RFC 6749)", scope, r)
			return
		}
	}
}

// rates checks a list of rates; one that is only a zero takes the service's rates away.
func (f *faults) rates(rates []*grpcservicev1.Rate) {
	if takesRatesAway(rates) {
		return
	}
	for i, rate := range rates {
		f.rate(fmt.Sprintf("rate[%d]", i), rate)
	}
}

func takesRatesAway(rates []*grpcservicev1.Rate) bool {
	return len(rates) == 1 && proto.Equal(rates[0], &grpcservicev1.Rate{PerSecond: proto.Float64(0)})
}

func (f *faults) rate(field string, r *grpcservicev1.Rate) {
	f.enum(field+".key", r.GetKey())
	switch {
	case r.PerSecond == nil:
		f.add(field+".per_second", "it is not set; say how many calls a second there may be")
	case !(r.GetPerSecond() > 0) || r.GetPerSecond() > math.MaxInt32:
		f.add(field+".per_second", "%v is not above 0 and at most %d", r.GetPerSecond(), math.MaxInt32)
	}
	if r.Burst != nil && r.GetBurst() < 1 {
		f.add(field+".burst", "%d is not at least 1", r.GetBurst())
	}
}

func (f *faults) concurrency(c *grpcservicev1.Concurrency) {
	if c == nil {
		return
	}
	if c.GetLimit() < 0 {
		f.add("concurrency.limit", "%d is negative; set 0 for no limit", c.GetLimit())
	}
	f.duration("concurrency.max_wait", c.GetMaxWait())
}

func (f *faults) retry(r *grpcservicev1.Retry) {
	if r == nil {
		return
	}
	f.attempts("retry.max_attempts", r.MaxAttempts)
	initial, longest := f.duration("retry.initial_backoff", r.GetInitialBackoff()), f.duration("retry.max_backoff", r.GetMaxBackoff())
	if r.InitialBackoff != nil && initial == 0 {
		f.add("retry.initial_backoff", "it must be above 0")
	}
	if r.MaxBackoff != nil && longest == 0 {
		f.add("retry.max_backoff", "it must be above 0")
	}
	if longest > 0 && initial > longest {
		f.add("retry.initial_backoff", "%v is above retry.max_backoff, which is %v; lower one or raise the other", initial, longest)
	}
	if m := r.GetBackoffMultiplier(); r.BackoffMultiplier != nil && !(m >= 1 && m <= 100) {
		f.add("retry.backoff_multiplier", "%v is not between 1 and 100", m)
	}
	f.codes("retry.codes", r.GetCodes())
}

func (f *faults) hedging(h *grpcservicev1.Hedging) {
	if h == nil {
		return
	}
	f.duration("hedging.delay", h.GetDelay())
	f.attempts("hedging.max_attempts", h.MaxAttempts)
	f.codes("hedging.non_fatal_codes", h.GetNonFatalCodes())
}

// missing finds what a method's policy still lacks when its service has had its say.
func (f *faults) missing(p *grpcservicev1.Policy) {
	if c := p.GetConcurrency(); c != nil && c.Limit == nil {
		f.add("concurrency.limit", "it is not set; say how many calls may run at a time")
	}
	if h := p.GetHedging(); hedges(p) && h.Delay == nil {
		f.add("hedging.delay", "it is not set; say how long to wait before a second call, such as what 95%% of calls take")
	}
}

// attempts checks a number of calls: gRPC makes five at most (gRFC A6).
func (f *faults) attempts(field string, n *int32) {
	if n != nil && *n != 0 && (*n < 2 || *n > 5) {
		f.add(field, "%d is not between 2 and 5; set 0 for one call only", *n)
	}
}

// codes checks names of status codes.
func (f *faults) codes(field string, names []string) {
	for i, name := range names {
		if !slices.Contains(codeNames, name) {
			f.add(fmt.Sprintf("%s[%d]", field, i), "%q is not a status code of a failed call; want one of %s", name, strings.Join(codeNames, ", "))
		}
	}
}

// codeNames are the names of the status codes but OK, as gRPC spells them.
var codeNames = []string{"CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// maxDuration is the longest duration that a deadline can be made of without overflowing: grpc's own bound is 100 million
// hours, more than time.Duration holds.
const maxDuration = 100 * 365 * 24 * time.Hour

// duration reads a duration; an empty one is one that is not set.
func (f *faults) duration(field, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		f.add(field, `%q is not a duration; write it as in "250ms", "2s" or "1m30s"`, text)
		return 0
	case d < 0:
		f.add(field, "%v is negative", d)
		return 0
	case d > maxDuration:
		f.add(field, "%v is more than a hundred years; set \"0s\" for no limit", d)
		return 0
	}
	return d
}
