package operation

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Handle is a client's view of one operation, which ends with a *Result and reports its progress
// in a *Metadata. Its state is that of the last call; Wait, Progress and Poll make calls. It is
// safe for concurrent use.
type Handle[Result, Metadata any] struct {
	client Client
	name   string

	mu   sync.Mutex
	last *longrunningpb.Operation // nil until the first answer
}

// newHandle returns the handle of an operation that a call returned.
func newHandle[Result, Metadata any](client Client, op *longrunningpb.Operation) *Handle[Result, Metadata] {
	return &Handle[Result, Metadata]{client: client, name: op.GetName(), last: op}
}

// Name returns the operation's name, by which any process can follow it. It is "" if the request
// was only validated.
func (h *Handle[Result, Metadata]) Name() string { return h.name }

// Operation returns the last known state, or nil before the first call of a handle created from a
// name. It must not be modified.
func (h *Handle[Result, Metadata]) Operation() *longrunningpb.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Done reports whether the operation is known to have ended, with success or failure.
func (h *Handle[Result, Metadata]) Done() bool { return h.Operation().GetDone() }

// Metadata returns the last known metadata, or nil if there is none.
func (h *Handle[Result, Metadata]) Metadata() (*Metadata, error) {
	return metadataOf[Metadata](h.Operation())
}

// Poll fetches the state of the operation once. Its error is that of the call; Wait returns how
// the operation ended, without a call once it is done.
func (h *Handle[Result, Metadata]) Poll(ctx context.Context) (done bool, err error) {
	if h.Done() {
		return true, nil
	}
	op, err := h.client.Get(ctx, h.name)
	if err != nil {
		return false, err
	}
	return h.keep(op).GetDone(), nil
}

// Wait returns the result when the operation is done. If the operation failed, the error is a
// *[Failed]. After any other error the state of the operation is unknown: it continues, and Wait
// can be called again.
//
// Wait lasts as long as ctx. It uses WaitOperation, so that the server waits. It polls, with
// random pauses that grow to ten seconds, if WaitOperation does not work: the server does not
// implement it, does not wait, cuts off calls that wait, or returns a done operation without a
// result. [WithPollOnly] polls from the start. Wait retries calls that fail because the server is
// unreachable, after the delay that the server requests; see [WithTolerance].
func (h *Handle[Result, Metadata]) Wait(ctx context.Context, opts ...WaitOption) (*Result, error) {
	w := newWatcher(h.client, h.name, 30*time.Second, opts)
	op := h.Operation()
	for !op.GetDone() {
		seen, err := w.next(ctx)
		if err != nil {
			return nil, err
		}
		op = h.keep(seen)
	}
	return resultOf[Result](op)
}

// Cancel requests that the operation ends. It does not wait: the operation may still succeed. If
// it is cancelled, Wait returns a *[Failed] with the code CANCELLED. Cancel has no effect on an
// operation that is done.
func (h *Handle[Result, Metadata]) Cancel(ctx context.Context) error {
	return h.client.Cancel(ctx, h.name)
}

// Delete tells the server that the operation is no longer needed. The operation continues; to end
// it, use Cancel.
func (h *Handle[Result, Metadata]) Delete(ctx context.Context) error {
	return h.client.Delete(ctx, h.name)
}

// keep stores the result of a call and returns the known state. A done operation stays done, even
// if a replica lags.
func (h *Handle[Result, Metadata]) keep(op *longrunningpb.Operation) *longrunningpb.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.last.GetDone() {
		h.last = op
	}
	return h.last
}

// resultOf returns the result or the error of a done operation.
func resultOf[Result any](op *longrunningpb.Operation) (*Result, error) {
	if failure := op.GetError(); failure != nil {
		return nil, newFailed(op.GetName(), failure)
	}
	if !withoutResult(op) {
		return unpack[Result](op.GetName()+": the response", op.GetResponse())
	}
	result := new(Result)
	if _, nothing := any(result).(*emptypb.Empty); nothing {
		return result, nil
	}
	return nil, fmt.Errorf("%s is done, but has neither a response nor an error", op.GetName())
}

// metadataOf returns the metadata of an operation, or nil.
func metadataOf[Metadata any](op *longrunningpb.Operation) (*Metadata, error) {
	if packed := op.GetMetadata(); packed != nil {
		return unpack[Metadata](op.GetName()+": the metadata", packed)
	}
	return nil, nil
}

// unpack returns the message in an Any, or the Any itself if T is Any because the generator did
// not know the type. what names the Any in errors.
func unpack[T any](what string, packed *anypb.Any) (*T, error) {
	to := new(T)
	switch to := any(to).(type) {
	case *anypb.Any:
		proto.Merge(to, packed)
	case proto.Message:
		want := to.ProtoReflect().Descriptor().FullName()
		if got := packed.MessageName(); got != want {
			return nil, fmt.Errorf("%s is a %q, want a %q", what, got, want)
		}
		if err := packed.UnmarshalTo(to); err != nil {
			return nil, fmt.Errorf("%s is not a valid %q: %w", what, want, err)
		}
	default:
		return nil, fmt.Errorf("%T is not a message", to)
	}
	return to, nil
}

// Progress yields the metadata of the operation: the current one first, then each change that is
// seen until the operation is done. Wait returns how it ended, without a call then. Rapid changes
// may be skipped; see [WithInterval].
//
// An error ends the loop: that of a call, or that of ctx. The operation continues independently
// of the loop.
//
//	for progress, err := range op.Progress(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(progress.GetDone(), "of", progress.GetTotal())
//	}
//	result, err := op.Wait(ctx)
func (h *Handle[Result, Metadata]) Progress(ctx context.Context, opts ...WaitOption) iter.Seq2[*Metadata, error] {
	return func(yield func(*Metadata, error) bool) {
		w := newWatcher(h.client, h.name, time.Second, opts)
		op := h.Operation()
		w.atOnce = op == nil
		var last *anypb.Any
		for {
			if changed(last, op.GetMetadata()) {
				last = op.GetMetadata()
				metadata, err := metadataOf[Metadata](op)
				if !yield(metadata, err) || err != nil {
					return
				}
			}
			if op.GetDone() {
				return
			}
			seen, err := w.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			op = h.keep(seen)
		}
	}
}

// changed reports whether there is metadata and it differs from the last.
func changed(last, now *anypb.Any) bool {
	return now != nil && (last.GetTypeUrl() != now.GetTypeUrl() || !bytes.Equal(last.GetValue(), now.GetValue()))
}

// Failed is the error of a failed operation, as opposed to a failed call: waiting again does not
// help.
//
//	var failed *operation.Failed
//	if errors.As(err, &failed) {
//
// It has the operation's status, which status.Code, [rpcerr.ReasonOf] and similar functions read.
// A service that returns it to its own caller uses [rpcerr.Wrap], as for a call to another
// service.
type Failed struct {
	// Name is the name of the operation.
	Name string

	status *status.Status
}

func newFailed(name string, failure *spb.Status) *Failed {
	return &Failed{Name: name, status: status.FromProto(known(failure))}
}

// Error returns the name and the status of the operation.
func (f *Failed) Error() string {
	return "operation " + f.Name + " failed: " + code.Code(f.status.Code()).String() + ": " + f.status.Message()
}

// GRPCStatus returns the status of the operation: CANCELLED if it was cancelled.
func (f *Failed) GRPCStatus() *status.Status { return f.status }

// Unwrap returns the status as an error.
func (f *Failed) Unwrap() error { return f.status.Err() }
