package upload

import (
	"context"
	"io"
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Files yields the files that a client uploads, in their order. Each is a reader, to be read before the
// loop asks for the next file: what was not read is then received and dropped.
//
//	for file, err := range shopv1service.UploadServiceUploadImages.Files(ctx, reqs) {
//		if err != nil {
//			return nil, err
//		}
//		if err := s.images.Save(ctx, file.Name(), file); err != nil {
//			return nil, err
//		}
//	}
//
// Chunks that are out of order, sizes and checksums that do not match, and files that end early fail
// with INVALID_ARGUMENT; files that are larger than the policy allows with RESOURCE_EXHAUSTED. The
// reader of the file returns that error, and the loop yields it last. While the server drains, Files
// waits for at most a second for the next chunk and then fails with [runtime.ErrDraining].
//
// Names come from the client: do not use them as paths without [os.Root] or a check.
//
// One chunk is in memory at a time, and one more that was received ahead.
func (m *Method[S, Req, Resp, H]) Files(ctx context.Context, reqs runtime.Stream[Req], opts ...Option) iter.Seq2[*File[H], error] {
	return func(yield func(*File[H], error) bool) {
		shape, err := m.facts()
		if err != nil {
			yield(nil, err)
			return
		}
		in := stream.NewReceiver(ctx, reqs)
		defer in.Close()
		r := newReader(ctx, m.info, shape, func() (protoreflect.Message, any, error) {
			req, err := in.Receive()
			if err != nil {
				return nil, nil, err
			}
			return reflectOf(req), req, nil
		}, opts)
		defer r.close()
		for {
			first, err := r.start()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			header, _ := first.(*Req)
			if !yield(&File[H]{reader: r, header: m.header(header)}, nil) {
				return
			}
			if err := r.finish(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// File is a file that is being uploaded. It may be used in the body of the loop that got it, by one
// goroutine at a time.
type File[H any] struct {
	*reader
	header *H
}

// Header returns the header; in a flat upload, the first chunk of the file. Do not modify it.
func (f *File[H]) Header() *H { return f.header }

// Name returns the name that the client gave the file, or "" if the upload has no field for it.
func (f *File[H]) Name() string { return f.file.name }

// Size returns the size of the file in bytes; -1 if the client has not told it and the file is not
// staged.
func (f *File[H]) Size() int64 {
	if f.file.whole != nil {
		return f.file.received
	}
	return f.file.size
}
