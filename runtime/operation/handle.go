package operation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Handle is one operation in the hands of who started it, or of who knows its name: it ends with a *Result, and says how far it is
// with a *Metadata. What it knows is what the last call has told; Wait, Progress and Poll make calls. It may be used by many
// goroutines.
type Handle[Result, Metadata any] struct {
	client Client
	name   string

	mu   sync.Mutex
	last *longrunningpb.Operation // nil until the first answer
}

// newHandle returns the handle of an operation that a call has answered with.
func newHandle[Result, Metadata any](client Client, op *longrunningpb.Operation) *Handle[Result, Metadata] {
	return &Handle[Result, Metadata]{client: client, name: op.GetName(), last: op}
}

// Name returns the name by which any process can ask for the operation. It is empty where a request was only validated.
func (h *Handle[Result, Metadata]) Name() string { return h.name }

// Operation returns what is known of the operation; nil before the first call of a handle that was made of a name. It must not be
// changed.
func (h *Handle[Result, Metadata]) Operation() *longrunningpb.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Done says whether the operation is known to have ended, one way or the other.
func (h *Handle[Result, Metadata]) Done() bool { return h.Operation().GetDone() }

// Metadata returns what the operation is known to say of itself; nil where it says nothing.
func (h *Handle[Result, Metadata]) Metadata() (*Metadata, error) {
	return metadataOf[Metadata](h.Operation())
}

// Poll asks once how the operation is. An error is that of the call; how the operation ended is for Wait to say, which makes no
// call once it is done.
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

// Wait returns the result when the operation is done. Where the operation failed, the error is a *[Failed]; any other error says
// that it is not known how the operation is: it goes on, and Wait may be called again.
//
// Wait lasts as long as ctx. It makes the server wait (WaitOperation), and asks again and again, with random pauses that grow to
// ten seconds, where that is of no use: the server has no WaitOperation, does not wait, cuts off calls that do, or answers that the
// operation is done without how it ended. [PollOnly] asks from the start. Calls that fail because the server cannot be reached are repeated, see [Tolerate],
// after the time that the server asks for.
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

// Cancel asks the server to end the operation. It does not wait: the operation may still succeed, and if it is cancelled, Wait
// returns a *[Failed] with the code CANCELLED. Of an operation that is done it changes nothing.
func (h *Handle[Result, Metadata]) Cancel(ctx context.Context) error {
	return h.client.Cancel(ctx, h.name)
}

// Delete says that nobody will ask for the operation again. It goes on nevertheless: see Cancel.
func (h *Handle[Result, Metadata]) Delete(ctx context.Context) error {
	return h.client.Delete(ctx, h.name)
}

// keep takes what a call has told, and returns what is known then: that an operation is done stays true, whatever a replica that
// lags behind says.
func (h *Handle[Result, Metadata]) keep(op *longrunningpb.Operation) *longrunningpb.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.last.GetDone() {
		h.last = op
	}
	return h.last
}

// resultOf returns how an operation that is done has ended.
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

// unpack returns what is in an Any, or the Any itself where that is what is wanted: the type was not known to the generator. what
// says in errors which Any it is.
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
		return nil, fmt.Errorf("%T is no message", to)
	}
	return to, nil
}
