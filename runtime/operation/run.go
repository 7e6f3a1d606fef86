package operation

import (
	"context"
	"errors"
	"fmt"
	"sync"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Run is the view that work has of one attempt at an operation. It is safe for concurrent use.
type Run[Req, Metadata any] struct {
	a      *attempt
	info   runtime.MethodInfo
	failed fieldPath // the metadata's map of failures; empty where it has none
	req    *Req

	mu         sync.Mutex
	metadata   *Metadata
	checkpoint []byte
	saves      int64 // the number of the last save, whether it was stored or not
	failures   failureSizes
	fault      error // a mistake of the work that ends the operation
}

// newRun returns the run of an attempt.
func newRun[Req, Metadata any](a *attempt, info runtime.MethodInfo, failed fieldPath) (*Run[Req, Metadata], error) {
	r := &Run[Req, Metadata]{
		a: a, info: info, failed: failed, req: new(Req), metadata: new(Metadata),
		checkpoint: a.op.Checkpoint, saves: a.op.Saves,
	}
	req, err := reflectionOf(r.req)
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(a.op.Request, req.Interface()); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	metadata, err := reflectionOf(r.metadata)
	if err != nil {
		return nil, err
	}
	packed, err := unpackAny(a.op.Metadata)
	if err == nil {
		err = proto.Unmarshal(packed.GetValue(), metadata.Interface())
	}
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return r, nil
}

// Name returns the operation's name.
func (r *Run[Req, Metadata]) Name() string { return r.a.op.Name }

// Request returns the request that started the operation. It must not be modified.
func (r *Run[Req, Metadata]) Request() *Req { return r.req }

// Attempt returns the number of this attempt, from 1. Attempts that a shutdown interrupted do not
// count.
func (r *Run[Req, Metadata]) Attempt() int { return r.a.op.Attempt }

// Fence returns the number of this claim of the operation, which grows with each claim. A system
// that rejects writes with a lower number than it has seen rejects those of a worker that has lost
// its lease and does not know it yet.
func (r *Run[Req, Metadata]) Fence() int64 { return r.a.op.Fence }

// Metadata returns a copy of the current metadata.
func (r *Run[Req, Metadata]) Metadata() *Metadata {
	r.mu.Lock()
	defer r.mu.Unlock()
	copied := new(Metadata)
	proto.Merge(any(copied).(proto.Message), r.message())
	return copied
}

// message returns the metadata as a message; newRun has checked the type.
func (r *Run[Req, Metadata]) message() proto.Message { return any(r.metadata).(proto.Message) }

// metadataName returns the full name of the metadata's message.
func (r *Run[Req, Metadata]) metadataName() string {
	return string(r.message().ProtoReflect().Descriptor().Name())
}

// Checkpoint decodes the last checkpoint into a pointer of the type that was passed to
// [Run.Save]: a message, or a value that encoding/json can decode. If there is no checkpoint, it
// returns false and does not modify into.
func (r *Run[Req, Metadata]) Checkpoint(into any) (found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.checkpoint) == 0 {
		return false, nil
	}
	return true, readCheckpoint(r.checkpoint, into)
}

// Save saves the progress of the work: a checkpoint, from which another attempt continues, and
// the metadata that callers see, as modified by change, which must not call methods of the run.
// If checkpoint or change is nil, that part stays unchanged.
//
//	for i := next; i < len(items); i++ {
//		...
//		if err := run.Save(ctx, i+1, func(m *shopv1.BatchMetadata) { m.SetDone(int32(i + 1)) }); err != nil {
//			return nil, err
//		}
//	}
//
// Save waits while the store is unavailable. If it returns an error, the work should return it:
// the operation was cancelled ([ErrCancelled]), the process is stopping ([ErrStopping]), the
// timeout has passed, or another worker has the operation ([ErrLeaseLost]). The progress has been
// saved nevertheless, except in the last case, if the store is still unavailable, or if the
// checkpoint cannot be encoded. Nothing is saved if the store has no room, reason
// OPERATION_STORE_FULL, or if the metadata is larger than can be sent, reason
// OPERATION_TOO_LARGE: see [WithMaxMessageBytes].
func (r *Run[Req, Metadata]) Save(ctx context.Context, checkpoint any, change func(*Metadata)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	progress, err := r.progress(checkpoint, change)
	if err != nil {
		return misuse(r.info, err)
	}
	if n, limit := len(progress.Metadata), r.a.config.maxMessage/2; n > limit {
		return tooLarge("metadata", n, limit)
	}
	r.saves++ // also after a failure: the save that failed may still reach the store
	progress.Number = r.saves
	cancelled := false
	err = r.a.persist(ctx, r.a.ctx, func(ctx context.Context) (err error) {
		cancelled, err = r.a.store.Save(ctx, r.a.op.Name, r.a.op.Fence, progress)
		return err
	})
	if errors.Is(err, ErrFull) {
		return storeFull("what the operation saves", err)
	}
	if err != nil {
		return err
	}
	if progress.Checkpoint != nil {
		r.checkpoint = progress.Checkpoint
	}
	if cancelled {
		r.a.cancelWork()
	}
	return context.Cause(r.a.ctx)
}

// change modifies the metadata, which the next Save or the end of the operation stores.
func (r *Run[Req, Metadata]) change(f func(*Metadata)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.metadata)
}

// progress returns what to save. r is locked.
func (r *Run[Req, Metadata]) progress(checkpoint any, change func(*Metadata)) (p Progress, err error) {
	if change != nil {
		change(r.metadata)
	}
	if p.Metadata, err = r.packed(); err != nil {
		return p, fmt.Errorf("metadata: %w", err)
	}
	if checkpoint != nil {
		if p.Checkpoint, err = checkpointOf(checkpoint); err != nil {
			return p, err
		}
	}
	return p, nil
}

// end returns the ending of the work, with its metadata.
func (r *Run[Req, Metadata]) end(result any, err error) (e ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.err = err
	if err == nil && r.fault != nil {
		e.err = misuse(r.info, r.fault)
	}
	if e.metadata, err = r.packed(); err != nil {
		e.err = misuse(r.info, fmt.Errorf("metadata: %w", err))
	}
	if e.err != nil {
		return e
	}
	response, err := reflectionOf(result)
	if err == nil {
		e.response, err = packBytes(response.Interface())
	}
	if err != nil {
		e.err = misuse(r.info, fmt.Errorf("response: %w", err))
	}
	return e
}

// Failed records in the metadata's map of failed requests that the item at an index failed
// (AIP-233); a nil err removes it. [Run.Save] and the end of the operation store the map. Callers
// see the status that the caller of a method that returns err would receive. Do not record
// failures that will be retried. If the metadata would be larger than can be sent, the statuses
// are reduced to their codes and the beginnings of their messages.
func (r *Run[Req, Metadata]) Failed(index int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		r.fault = fmt.Errorf("Run.Failed: %s has no map<int32, google.rpc.Status> failed_requests", r.metadataName())
		return
	}
	holder := r.failed.holder(r.message().ProtoReflect())
	failures, key := holder.Mutable(r.failed.field()).Map(), protoreflect.ValueOfInt32(int32(index)).MapKey()
	if err == nil {
		failures.Clear(key)
		return
	}
	status := rpcerr.PublicStatus(err).Proto()
	r.failures.shorten(status)
	value := failures.NewValue()
	if err := transfer(value.Message(), status); err != nil {
		r.fault = err
		return
	}
	failures.Set(key, value)
	if r.failures.bytes += proto.Size(status); r.failures.bytes > r.a.config.maxMessage/2 {
		r.shortenFailures()
	}
}

// failureSizes tracks the size of a run's failures, which are shortened as their number grows.
type failureSizes struct {
	level int // of shortness: 0 is in full, 1 has the beginnings of messages, 2 has codes only
	bytes int // about, since the level has changed
}

// shortMessage is the size in bytes of the message of a failure at level 1.
const shortMessage = 80

// shorten reduces a status to the level.
func (f failureSizes) shorten(status *spb.Status) {
	if f.level > 0 {
		status.Details = nil
		status.Message = cut(status.GetMessage(), shortMessage*(2-f.level))
	}
}

// packed returns the metadata in stored form, with failures shortened if it is larger than can be
// sent. r is locked.
func (r *Run[Req, Metadata]) packed() ([]byte, error) {
	encoded, err := packBytes(r.message())
	for err == nil && len(encoded) > r.a.config.maxMessage/2 && len(r.failed) > 0 && r.shortenFailures() {
		encoded, err = packBytes(r.message())
	}
	return encoded, err
}

// shortenFailures shortens the failures by a level. It returns false if they cannot be shorter. r
// is locked.
func (r *Run[Req, Metadata]) shortenFailures() bool {
	if r.failures.level == 2 {
		return false
	}
	r.failures.level++
	r.failures.bytes = 0
	all := r.failed.holder(r.message().ProtoReflect()).Mutable(r.failed.field()).Map()
	all.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		status := &spb.Status{}
		if transfer(status.ProtoReflect(), value.Message().Interface()) != nil {
			return true // it stays as it is
		}
		r.failures.shorten(status)
		short := all.NewValue()
		if transfer(short.Message(), status) == nil {
			all.Set(key, short)
		}
		r.failures.bytes += proto.Size(status)
		return true
	})
	return true
}
