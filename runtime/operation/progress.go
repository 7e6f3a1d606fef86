package operation

import (
	"bytes"
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/anypb"
)

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
