package servicetest

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// leakRuns is how many runs in a row must leave goroutines behind to count as a leak.
const leakRuns = 3

// trial is one way to test a method. Its calls go to a separate server, so that leaked goroutines
// can be attributed to them.
type trial struct {
	name  string
	calls []plan
}

// plan is what a caller does.
type plan struct {
	requests []request
	fault    string // the fault of the method's context before the call; "" for none
	leaves   bool   // once the method has started
}

// trialsOf returns the trials of a method.
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
