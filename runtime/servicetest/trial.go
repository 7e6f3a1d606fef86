package servicetest

import (
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// leakRuns is how many runs in a row must leave goroutines behind to count as a leak.
const leakRuns = 3

// trial is one way to try a method: calls to a server of its own, so that what they leave behind is theirs.
type trial struct {
	name  string
	calls []plan
}

// plan is what a caller does.
type plan struct {
	requests []request
	fault    string // what the method's context suffers before it is called; "" is nothing
	leaves   bool   // once the method has begun
}

// trialsOf returns the trials that a method is put to.
func trialsOf(method protoreflect.MethodDescriptor) []trial {
	filled := filledRequests(method.Input())
	trials := []trial{
		{"empty request", each(emptyRequest)},
		{"extreme requests", each(filled...)},
		{"requests that do not decode", each(badRequests...)},
		{"cancelled context", withFault(faultCancelled, emptyRequest, filled[0])},
		{"expired deadline", withFault(faultExpired, emptyRequest, filled[0])},
		{"caller that goes away", []plan{{requests: []request{emptyRequest}, leaves: true}}},
	}
	if method.IsStreamingClient() {
		trials = append(trials,
			trial{"no request", []plan{{}}},
			trial{"several requests", []plan{{requests: append([]request{emptyRequest}, filled...)}}},
			trial{"request that does not decode after one that does", []plan{{requests: []request{emptyRequest, badRequests[0]}}}},
			trial{"caller that goes away without a request", []plan{{leaves: true}}},
		)
	}
	return trials
}

// each returns a call for each request.
func each(requests ...request) (calls []plan) { return withFault("", requests...) }

func withFault(fault string, requests ...request) (calls []plan) {
	for _, req := range requests {
		calls = append(calls, plan{requests: []request{req}, fault: fault})
	}
	return calls
}

// findings returns what is wrong with the method, as texts for who wrote it.
func (tr trial) findings(t testing.TB, method protoreflect.MethodDescriptor, register func(grpc.ServiceRegistrar), opts []server.Option) []string {
	var left string
	for range leakRuns {
		var found []string
		found, left = tr.run(t, method, register, opts)
		if len(found) > 0 {
			return found
		}
		if left == "" {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: goroutines are still running %v after the server has stopped, in each of %d runs. "+
		"Start them with runtime.Go, which waits for them, or end them with the context of the call:\n\n%s", tr.name, LeakTimeout, leakRuns, left)}
}

// run makes the calls. It returns what is wrong, and else the stacks of goroutines that are left.
func (tr trial) run(t testing.TB, method protoreflect.MethodDescriptor, register func(grpc.ServiceRegistrar), opts []server.Option) (found []string, left string) {
	p := newProbe(t, newMark(), method)
	defer p.log.mute()
	p.mark.run(func() { found = p.try(tr.calls, register, opts) })
	if len(found) == 0 {
		left = p.mark.awaitNone(LeakTimeout)
	}
	return found, left
}
