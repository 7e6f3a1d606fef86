package admin

import (
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Bounds of the list of failed calls.
const (
	maxFailures = 100 // of each kind
	maxMessage  = 300 // bytes
	maxReason   = 64
	maxID       = 128
)

// failureList is a list of failed calls, and how many more there are.
type failureList struct {
	Failures      []failure
	OlderFailures int
}

// failures are the last failed calls: those that are faults of the service apart from the others,
// so that a flood of bad requests does not displace them.
type failures struct {
	mu     sync.Mutex
	faults ring
	others ring
}

// failure is a failed call, as its caller knows it. Its cause is in the log, by the request ID.
type failure struct {
	At        time.Time
	Method    string
	RequestID string
	Code      codes.Code
	Step      string // that rejected the call; or ""
	Reason    string
	Message   string
	Duration  time.Duration
}

// Fault reports whether the call is a fault of the service: not if the pipeline rejected it, or if the
// server has no such method.
func (f failure) Fault() bool { return isFault(f.Code) && f.Step == "" && f.Known() }

// Known reports whether a server has the method.
func (f failure) Known() bool { return f.Method != server.UnknownMethod }

// failureOf describes a failed call.
func failureOf(name string, call runtime.Call, outcome runtime.Outcome, code codes.Code, message string) failure {
	return failure{
		At: call.Start(), Method: name, RequestID: cut(call.RequestID(), maxID), Code: code, Step: outcome.Step,
		Reason: cut(string(rpcerr.ReasonOf(outcome.Err)), maxReason), Message: cut(message, maxMessage),
		Duration: outcome.Duration,
	}
}

// cut returns at most n bytes of a text, as valid UTF-8 that does not keep the rest in memory.
func cut(text string, n int) string {
	if len(text) <= n {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.Clone(strings.ToValidUTF8(text[:n], "")) + "…"
}

// isFault reports whether a code is a fault of the service, and not of its caller.
func isFault(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

func (f *failures) add(failed failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if failed.Fault() {
		f.faults.add(failed)
	} else {
		f.others.add(failed)
	}
}

// list returns the failed calls of a method, or of all methods for "", the last first: at most n
// faults and n others. It returns how many more there are.
func (f *failures) list(method string, n int) (list failureList) {
	f.mu.Lock()
	for _, r := range []*ring{&f.faults, &f.others} {
		found := r.list(method)
		slices.SortStableFunc(found, later)
		if len(found) > n {
			list.OlderFailures += len(found) - n
			found = found[:n]
		}
		list.Failures = append(list.Failures, found...)
	}
	f.mu.Unlock()
	slices.SortStableFunc(list.Failures, later)
	return list
}

func later(a, b failure) int { return b.At.Compare(a.At) }

// ring keeps the last failed calls.
type ring struct {
	kept []failure
	next int // the oldest, when the ring is full
}

func (r *ring) add(f failure) {
	if len(r.kept) < maxFailures {
		r.kept = append(r.kept, f)
		return
	}
	r.kept[r.next] = f
	r.next = (r.next + 1) % maxFailures
}

func (r *ring) list(method string) (found []failure) {
	for _, f := range r.kept {
		if method == "" || f.Method == method {
			found = append(found, f)
		}
	}
	return found
}
