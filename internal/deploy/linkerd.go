package deploy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// The annotations of a GRPCRoute from which Linkerd 2.16 and later takes timeouts and retries.
const (
	linkerdRequest = "timeout.linkerd.io/request" // of a call with all its messages
	linkerdIdle    = "timeout.linkerd.io/idle"    // between messages
	linkerdGRPC    = "retry.linkerd.io/grpc"      // the codes to retry
	linkerdLimit   = "retry.linkerd.io/limit"     // the attempts after the first
)

// linkerdKeys are the annotations in the order of differences.
var linkerdKeys = []string{linkerdRequest, linkerdIdle, linkerdGRPC, linkerdLimit}

// linkerdRule is the part of a method's policy that Linkerd applies.
type linkerdRule struct {
	annotations map[string]string
	note        string
}

func (r linkerdRule) empty() bool { return len(r.annotations) == 0 && r.note == "" }

// key is the same for rules that are the same.
func (r linkerdRule) key() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.annotations)) {
		text.WriteString(name + "=" + r.annotations[name] + ";")
	}
	return text.String() + r.note
}

// linkerdRuleOf returns the rule for a method's policy. Like Istio's, it limits a call and not its
// attempts, so there is no retry.linkerd.io/timeout.
func linkerdRuleOf(m Method) linkerdRule {
	config := m.Policy.StandaloneConfig(policy.MethodName{}, m.Stream)
	r := linkerdRule{annotations: make(map[string]string)}
	if config.Timeout > 0 {
		r.annotations[linkerdRequest] = linkerdDuration(time.Duration(config.Timeout))
	}
	if m.Stream && m.Policy.IdleTimeout > 0 {
		r.annotations[linkerdIdle] = linkerdDuration(m.Policy.IdleTimeout)
	}
	if config.Retry != nil {
		retries, missing := retryOf(m.Policy.Retry)
		r.note = strings.Replace(missing, "Envoy", "Linkerd", 1)
		if retries.Attempts > 0 {
			r.annotations[linkerdGRPC] = retries.RetryOn
			r.annotations[linkerdLimit] = strconv.Itoa(retries.Attempts)
		}
	}
	return r
}

// linkerdDuration formats a duration for Linkerd, which accepts a whole number with one unit, of a
// millisecond at least. It rounds up.
func linkerdDuration(d time.Duration) string {
	ms := ceil(d, time.Millisecond)
	if ms%1000 == 0 {
		return strconv.FormatInt(ms/1000, 10) + "s"
	}
	return strconv.FormatInt(ms, 10) + "ms"
}
