package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/openheader"
)

// DefaultResumeAttempts is how many calls in a row [WithResume] makes that bring no byte further.
const DefaultResumeAttempts = 10

// WithResume resumes the upload after UNAVAILABLE: it asks the server how much of the file it has,
// and continues from there, until the file has arrived or attempts calls in a row have brought it
// no further; 0 means [DefaultResumeAttempts]. Between calls it waits a random time of up to 100
// ms, which doubles to a second while there is no progress, and as long as the server asks.
//
// The content must be an [io.Seeker], and the file needs a name. A server without [WithStaging]
// receives the file from its start. Do not use it with servers that do not use this package: they
// never send the offset, and Send fails after 10 seconds.
func WithResume(attempts int) SendOption {
	return func(o *sendOptions) {
		if o.resume = attempts; attempts <= 0 {
			o.resume = DefaultResumeAttempts
		}
	}
}

// offsetTimeout is how long a client that resumes waits for the server's offset.
const offsetTimeout = 10 * time.Second

// sendResumed uploads a file in as many calls as it takes.
func (m *Method[S, Req, Resp, H]) sendResumed(ctx context.Context, s S, source Source[H], o sendOptions) (*Resp, error) {
	shape, err := m.facts()
	if err != nil {
		return nil, err
	}
	content, ok := source.Content.(io.Seeker)
	if !ok {
		return nil, misuse("%s: resuming needs an io.Seeker, not %T", m.info.FullMethod, source.Content)
	}
	start, err := content.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	committed := int64(0) // what the server had when the last call started
	for failures := 0; ; {
		if _, err := content.Seek(start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("upload: %w", err)
		}
		a := attempt[Req, H]{shape: shape, source: source, options: o, start: start}
		resp, err := m.call(s, a.context(ctx), a.requests)
		if err == nil {
			return resp, nil
		}
		if failures++; a.offset > committed {
			committed, failures = a.offset, 1
		}
		if status.Code(err) != codes.Unavailable || failures >= o.resume {
			return nil, err
		}
		if err := (client.Backoff{}).Wait(ctx, err, failures); err != nil {
			return nil, err
		}
	}
}

// attempt is one call of an upload that is resumed.
type attempt[Req, H any] struct {
	shape   *shape
	source  Source[H]
	options sendOptions
	start   int64 // where the file starts in its content
	header  openheader.Header
	offset  int64 // what the server has of the file
}

// context returns the context of the call.
func (a *attempt[Req, H]) context(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(openheader.With(ctx, &a.header), resumeKey, "1")
}

// requests are those of the call: the first names the file, and the others have the data that the
// server does not have.
func (a *attempt[Req, H]) requests(yield func(*Req, error) bool) {
	w, err := newWriter(a.shape, a.source, a.options, yield)
	if err == nil {
		err = a.send(w)
	}
	if err != nil && !errors.Is(err, errStopped) {
		yield(nil, err)
	}
}

func (a *attempt[Req, H]) send(w *writer[Req, H]) error {
	first, err := w.first()
	if err != nil {
		return err
	}
	if !w.yield(first, nil) {
		return errStopped
	}
	if len(w.header) == 0 {
		w.number++
	}
	if a.offset, err = a.committed(); err != nil {
		return err
	}
	if w.offset = a.offset; a.offset > w.size {
		return misuse("the server has %d bytes of a file of %d", a.offset, w.size)
	}
	if _, err := w.source.Content.(io.Seeker).Seek(a.start+a.offset, io.SeekStart); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	w.content = io.LimitReader(w.content, w.size-a.offset)
	return w.chunks(nil)
}

// committed returns how many bytes of the file the server has.
func (a *attempt[Req, H]) committed() (int64, error) {
	if a.header.Wait == nil {
		return 0, nil // a direct call
	}
	type result struct {
		header metadata.MD
		err    error
	}
	arrived := make(chan result, 1)
	go func() { // ends with the call
		header, err := a.header.Wait()
		arrived <- result{header, err}
	}()
	timer := time.NewTimer(offsetTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, errNoOffset
	case got := <-arrived:
		if got.err != nil {
			return 0, errStopped // the status of the call says why
		}
		values := got.header.Get(offsetKey)
		if len(values) == 0 {
			return 0, nil
		}
		offset, err := strconv.ParseUint(values[0], 10, 63)
		if err != nil {
			return 0, misuse("the server has %q bytes of the file: %w", values[0], err)
		}
		return int64(offset), nil
	}
}

var errNoOffset = status.Error(codes.FailedPrecondition, "the server does not resume uploads; send without WithResume")
