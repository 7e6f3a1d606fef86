package upload

import (
	"context"
	"io"
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// Files yields the files that a client uploads, in their order. Each is a reader, to be read before
// the loop asks for the next file: what was not read is then received and dropped.
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
// Chunks that are out of order, sizes and checksums that do not match, and files that end early
// fail with INVALID_ARGUMENT; files that are larger than the policy allows with RESOURCE_EXHAUSTED.
// The reader of the file returns that error, and the loop yields it last. While the server drains,
// Files waits for at most a second for the next chunk and then fails with [runtime.ErrDraining].
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
			if !yield(&File[H]{reader: r, file: r.file, header: m.header(header)}, nil) {
				return
			}
			if err := r.finish(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// File is a file that is being uploaded. It may be read in the body of the loop that got it, by one
// goroutine at a time. Reading it later returns INTERNAL, and the log says why.
type File[H any] struct {
	reader *reader
	file   *file
	header *H
}

var errTurnIsOver = misuse(
	"the file was read after its turn in the loop was over; read it in the body of the loop")

// Read implements [io.Reader]. It returns [io.EOF] only if the file has arrived whole and its
// checksum matches.
func (f *File[H]) Read(p []byte) (int, error) {
	if f.reader.file != f.file {
		return 0, errTurnIsOver
	}
	return f.reader.Read(p)
}

// WriteTo implements [io.WriterTo]: [io.Copy] writes chunks as they are.
func (f *File[H]) WriteTo(w io.Writer) (int64, error) {
	if f.reader.file != f.file {
		return 0, errTurnIsOver
	}
	return f.reader.WriteTo(w)
}

// Header returns the header; in a flat upload, the first chunk of the file. Do not modify it.
func (f *File[H]) Header() *H { return f.header }

// Name returns the name that the client gave the file, or "" if the upload has no field for it.
func (f *File[H]) Name() string { return f.file.name }

// Size returns the size of the file in bytes; -1 if the client has not sent it and the file is not
// staged.
func (f *File[H]) Size() int64 {
	if f.file.whole != nil {
		return f.file.received
	}
	return f.file.size
}
