package operation

import (
	"bytes"
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/anypb"
)

// Progress yields what the operation says of itself: at first what it says now, then each change that is seen, until it is done. How
// it ended is for Wait to say, which makes no call then. A change that is followed by another soon may not be seen; see [Every].
//
// An error is the last thing that is yielded: that of a call, or that of ctx. The operation goes on, whether the loop does or not.
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

// changed says whether there is metadata, and other than the last.
func changed(last, now *anypb.Any) bool {
	return now != nil && (last.GetTypeUrl() != now.GetTypeUrl() || !bytes.Equal(last.GetValue(), now.GetValue()))
}
