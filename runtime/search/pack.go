package search

import (
	"context"
	"iter"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// errPanicked ends the stream if the iterator panicked; the log has the details.
var errPanicked = status.Error(codes.Internal, "internal error")

// packer is the response that a goroutine fills with results while another sends the one before.
type packer[Resp, T any] struct {
	*serving[T]

	mu    sync.Mutex
	pack  *Resp     // nil if it is empty
	since time.Time // when its first result was added
	list  protoreflect.List
	count int
	bytes int64
	full  bool // the next result does not fit, or no more may be in it
	ended bool
	err   error // of the end
	stop  bool  // the receiver of responses is gone

	changed chan struct{} // has an element if the sender has to look again
	taken   chan struct{} // has an element if the filler has to look again
}

// sendPacks streams results in responses that have a list.
func sendPacks[Resp, T any](s *serving[T], results iter.Seq2[T, error], yield func(*Resp, error) bool) {
	p := &packer[Resp, T]{serving: s, changed: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
	returned := make(chan struct{})
	runtime.Go(s.ctx, func(context.Context) error {
		defer close(returned)
		p.run(results)
		return nil // the stream yields the error
	})
	defer func() {
		p.close()
		<-returned
	}()
	p.send(yield)
}

// run fills responses until results end.
func (p *packer[Resp, T]) run(results iter.Seq2[T, error]) {
	err := errPanicked
	defer func() { p.end(err) }() // also runs while a panic unwinds to runtime.Go
	err = p.fill(results)
}

func (p *packer[Resp, T]) fill(results iter.Seq2[T, error]) (failure error) {
	remaining := p.most
	ignored := each.Range(results, p.late, func(result T, err error) (more bool) {
		if failure = err; err == nil {
			more, failure = p.add(result)
		}
		remaining--
		return more && failure == nil && remaining != 0
	})
	if ignored != nil && failure == nil {
		return misuse("%s: %w", p.method, ignored)
	}
	return failure
}

// add puts a result into the response, and waits for the next response if it does not fit. It
// returns false if there are no more responses.
func (p *packer[Resp, T]) add(result T) (more bool, err error) {
	value, ok := p.convert(result)
	if !ok {
		return false, misuse("%s: a result is nil", p.method)
	}
	size := int64(p.size(result))
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stop && p.count > 0 && (p.full || p.bytes+size > p.limits.PackBytes) {
		p.full = true
		p.mu.Unlock()
		signal(p.changed)
		<-p.taken
		p.mu.Lock()
	}
	if p.stop {
		return false, nil
	}
	if p.count == 0 {
		p.start()
	}
	p.list.Append(value)
	p.count++
	p.bytes += size
	p.full = p.count >= p.limits.PackItems || p.bytes >= p.limits.PackBytes
	if p.count == 1 || p.full {
		signal(p.changed)
	}
	return true, nil
}

// start starts a response; p is locked.
func (p *packer[Resp, T]) start() {
	p.pack, p.since = new(Resp), time.Now()
	m := any(p.pack).(proto.Message).ProtoReflect()
	p.list = fieldpath.Holder(p.items, m).Mutable(p.items.Last()).List()
}

// end notes that there are no more results.
func (p *packer[Resp, T]) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.err = true, err
	signal(p.changed)
}

// close notes that there are no more responses.
func (p *packer[Resp, T]) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop = true
	signal(p.taken)
}

// send yields responses until results or the context end.
func (p *packer[Resp, T]) send(yield func(*Resp, error) bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due <-chan time.Time // of the response that is being filled; nil if it is empty
	for {
		resp, wait, over, err := p.take()
		switch {
		case resp != nil:
			if due = nil; !yield(resp, nil) {
				return
			}
			continue
		case over:
			if err != nil {
				yield(nil, err)
			}
			return
		case wait > 0 && due == nil:
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case <-p.changed:
		case <-due:
			due = nil
		case <-p.ctx.Done():
			yield(nil, p.ctx.Err())
			return
		}
	}
}

// take returns the response if it is due: it is full, its first result has waited long enough, or
// there are no more results. Otherwise it returns how much longer the result waits, or that the
// stream is over.
func (p *packer[Resp, T]) take() (resp *Resp, wait time.Duration, over bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 {
		return nil, 0, p.ended, p.err
	}
	if !p.full && !p.ended {
		if wait = p.limits.PackWait - time.Since(p.since); wait > 0 {
			return nil, wait, false, nil
		}
	}
	resp = p.pack
	p.pack, p.list, p.count, p.bytes, p.full = nil, nil, 0, 0, false
	signal(p.taken)
	return resp, 0, false, nil
}

// signal has the receiver of ch look again.
func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
