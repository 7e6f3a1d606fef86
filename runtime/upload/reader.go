package upload

import (
	"bytes"
	"context"
	"hash"
	"io"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// reader receives the files of a stream. Its Read and WriteTo are those of the current file.
type reader struct {
	ctx     context.Context
	method  string
	shape   *shape
	limits  limits
	staging Staging
	receive func() (protoreflect.Message, any, error)

	messages int64                // received so far
	cutOff   bool                 // the stream ended with an error
	ahead    protoreflect.Message // the first chunk of the next file, received while the current one was read
	aheadReq any
	files    int
	total    int64 // bytes of all files
	file     *file
}

// file is what the reader knows of the current file.
type file struct {
	name     string
	size     int64 // -1 if unknown
	sum      []byte
	hash     hash.Hash // nil if there is no checksum
	chunks   int64
	empty    int   // chunks without data
	received int64 // bytes of the file that have arrived, those of earlier calls included
	last     bool  // its last chunk has arrived
	rest     []byte
	err      error      // what Read returns from now on
	part     Part       // nil unless the file is staged
	whole    *wholePart // all of the file, once it has arrived in part
}

func newReader(ctx context.Context, info runtime.MethodInfo, s *shape, receive func() (protoreflect.Message, any, error), opts []Option) *reader {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	r := &reader{
		ctx: ctx, method: info.FullMethod, shape: s, limits: limitsIn(info.PolicyIn(ctx)),
		staging: o.staging, receive: receive, file: &file{},
	}
	if o.limits != nil {
		o.limits(&r.limits)
	}
	return r
}

// start starts the next file and returns its first request. It returns io.EOF after the last file.
func (r *reader) start() (req any, err error) {
	m, req := r.ahead, r.aheadReq
	r.ahead, r.aheadReq = nil, nil
	if m == nil {
		if m, req, err = r.next(); err == io.EOF && len(r.shape.header) > 0 && r.messages == 0 {
			return nil, invalid(ReasonHeaderMissing, 0, r.shape.names.Header, "is missing; send it in the first request")
		}
		if err != nil {
			return nil, err
		}
	}
	if r.files++; r.limits.files > 0 && r.files > r.limits.files {
		return nil, ReasonTooManyFiles.Errorf(codes.ResourceExhausted, "more than %d files; the method accepts no more in a stream", r.limits.files).
			WithMetadata("maxFiles", strconv.Itoa(r.limits.files))
	}
	if err := r.startFile(m); err != nil {
		return nil, err
	}
	if err := r.offer(m); err != nil {
		return nil, err
	}
	if len(r.shape.header) == 0 || r.shape.data.Has(m) || r.shape.isLast(m) {
		if err := r.take(m); err != nil {
			return nil, err
		}
	}
	return req, r.stage()
}

// next receives a request.
func (r *reader) next() (protoreflect.Message, any, error) {
	m, req, err := r.receive()
	if err == nil {
		r.messages++
	}
	r.cutOff = err != nil && err != io.EOF
	return m, req, err
}

// startFile starts a file with its first request.
func (r *reader) startFile(m protoreflect.Message) error {
	r.file = &file{size: -1}
	f, s := r.file, r.shape
	if len(s.header) > 0 && !s.header.Has(m) {
		return r.invalid(ReasonHeaderMissing, s.names.Header, "is missing; send it in the first request")
	}
	if len(s.name) > 0 {
		f.name = s.name.Get(m).String()
		if (f.name == "" && len(s.header) == 0) || len(f.name) > MaxNameBytes {
			return r.invalid(ReasonNameInvalid, s.names.Name, "has %d bytes; send 1 to %d", len(f.name), MaxNameBytes)
		}
	}
	if len(s.size) > 0 && s.size.Has(m) {
		if f.size = s.size.Integer(m); f.size < 0 {
			return r.invalid(ReasonSizeExceeded, s.names.Size, "is negative")
		}
		if err := r.checkTotal(f.size); err != nil {
			return err
		}
	}
	if len(s.checksum) > 0 {
		f.hash = hashOf(s.checksum)
	}
	return r.takeSum(m)
}

// takeSum takes the checksum of the first or last chunk.
func (r *reader) takeSum(m protoreflect.Message) error {
	f, s := r.file, r.shape
	if len(s.checksum) == 0 || !s.checksum.Has(m) {
		return nil
	}
	sum, ok := sumIn(s.checksum, m)
	if !ok {
		return r.invalid(ReasonChecksumInvalid, s.names.Checksum, "is not a checksum; send CRC-32C, MD5 or SHA-256, in hexadecimal if it is text")
	}
	if f.sum != nil && !bytes.Equal(f.sum, sum) {
		return r.invalid(ReasonOutOfOrder, s.names.Checksum, "differs from that of the first chunk")
	}
	if f.chunks == 0 || f.part != nil { // nothing was hashed yet
		f.hash = newHash(len(sum))
	}
	if f.hash.Size() != len(sum) {
		return r.invalid(ReasonChecksumInvalid, s.names.Checksum, "has %d bytes, want %d; send a checksum of this length with the first chunk", len(sum), f.hash.Size())
	}
	f.sum = sum
	return nil
}

// take adds the data of a chunk of the current file.
func (r *reader) take(m protoreflect.Message) error {
	f, s := r.file, r.shape
	if err := r.checkOrder(m); err != nil {
		return err
	}
	if err := r.takeSum(m); err != nil {
		return err
	}
	data := s.data.Get(m).Bytes()
	if len(data) == 0 {
		if f.empty++; f.empty > MaxEmptyChunks {
			return r.invalid(ReasonTooManyEmpty, s.names.Data, "is empty for the %dth time; send data in each chunk of a file", f.empty)
		}
	}
	if f.size >= 0 && int64(len(data)) > f.size-f.received {
		return r.invalid(ReasonSizeExceeded, s.names.Data, "has more bytes than the %d of the file", f.size)
	}
	if err := r.checkTotal(f.received + int64(len(data))); err != nil {
		return err
	}
	f.last = s.isLast(m)
	f.chunks++
	f.received += int64(len(data))
	r.total += int64(len(data))
	f.rest = data
	return nil
}

// checkOrder checks that a chunk is the next one of the current file.
func (r *reader) checkOrder(m protoreflect.Message) error {
	f, s := r.file, r.shape
	if f.last {
		return r.invalid(ReasonSizeExceeded, s.names.Data, "comes after the last chunk of the file")
	}
	if len(s.number) > 0 {
		if number := s.number.Integer(m); number != f.chunks {
			return r.outOfOrder(s.names.Number, number, f.chunks)
		}
	}
	if len(s.offset) > 0 && len(s.data.Get(m).Bytes()) > 0 {
		if offset := s.offset.Integer(m); offset != f.received {
			return r.outOfOrder(s.names.Offset, offset, f.received)
		}
	}
	if len(s.size) > 0 && f.chunks > 0 && s.size.Has(m) && s.size.Integer(m) != f.size {
		return r.outOfOrder(s.names.Size, s.size.Integer(m), f.size)
	}
	return nil
}

func (r *reader) outOfOrder(field string, got, want int64) error {
	return r.invalid(ReasonOutOfOrder, field, "is %d, want %d", got, want).WithMetadata("want", strconv.FormatInt(want, 10))
}

// checkTotal checks that a file of size bytes is within the limits.
func (r *reader) checkTotal(size int64) error {
	if limit := r.limits.fileBytes; limit > 0 && size > limit {
		return tooLarge("file", limit)
	}
	if limit := r.limits.totalBytes; limit > 0 && size-r.file.received > limit-r.total {
		return tooLarge("upload", limit)
	}
	return nil
}

// fill receives until there is data of the current file, or returns io.EOF after its end.
func (r *reader) fill() error {
	for f := r.file; len(f.rest) == 0; {
		m, req, err := r.next()
		if err == io.EOF {
			return r.ended()
		}
		if err != nil {
			return err
		}
		other, err := r.startsOther(m)
		if err != nil {
			return err
		}
		if other {
			r.ahead, r.aheadReq = m, req
			return r.ended()
		}
		if err := r.take(m); err != nil {
			return err
		}
	}
	return nil
}

// startsOther reports whether a request starts another file.
func (r *reader) startsOther(m protoreflect.Message) (bool, error) {
	s := r.shape
	if len(s.header) > 0 {
		if s.header.Has(m) {
			return false, r.invalid(ReasonHeaderRepeated, s.names.Header, "is set again; send it in the first request only")
		}
		return false, nil
	}
	name := s.name.Get(m).String()
	if name == "" || name == r.file.name {
		return false, nil
	}
	if len(s.number) > 0 && s.number.Integer(m) != 0 {
		return false, r.invalid(ReasonOutOfOrder, s.names.Name, "changes although %s is not 0, with which a file starts", s.names.Number)
	}
	return true, nil
}

// ended returns io.EOF if all of the current file has arrived.
func (r *reader) ended() error {
	f, s := r.file, r.shape
	switch {
	case f.size >= 0 && f.received < f.size:
		return r.invalid(ReasonIncomplete, s.names.Size, "is %d, but the file ended after %d bytes", f.size, f.received)
	case len(s.finish) > 0 && !f.last:
		return r.invalid(ReasonIncomplete, s.names.Finish, "was never set; set it in the last chunk")
	}
	return io.EOF
}

// checked returns end, io.EOF, or the error for a checksum that does not match what was read.
func (r *reader) checked(end error) error {
	f := r.file
	if end == io.EOF && f.sum != nil && !bytes.Equal(f.hash.Sum(nil), f.sum) {
		return r.invalid(ReasonChecksumInvalid, r.shape.names.Checksum, "does not match the bytes of the file")
	}
	return end
}

// Read implements [io.Reader]. It returns [io.EOF] only if the file has arrived whole and its
// checksum matches.
func (r *reader) Read(p []byte) (int, error) {
	f := r.file
	if f.err != nil {
		return 0, f.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	var n int
	if f.whole != nil {
		n, f.err = f.whole.Read(p)
	} else if f.err = r.fill(); f.err == nil {
		n = copy(p, f.rest)
		f.rest = f.rest[n:]
	}
	if f.hash != nil {
		f.hash.Write(p[:n])
	}
	f.err = r.checked(f.err)
	return n, f.err
}

// WriteTo implements [io.WriterTo]: [io.Copy] writes chunks as they are.
func (r *reader) WriteTo(w io.Writer) (written int64, err error) {
	f := r.file
	if f.whole != nil {
		return io.Copy(w, struct{ io.Reader }{r})
	}
	for f.err == nil {
		if f.err = r.checked(r.fill()); f.err != nil {
			break
		}
		n, err := w.Write(f.rest)
		if f.hash != nil {
			f.hash.Write(f.rest[:n])
		}
		short := n < len(f.rest)
		f.rest = f.rest[n:]
		written += int64(n)
		if err == nil && short {
			err = io.ErrShortWrite
		}
		if err != nil {
			return written, err
		}
	}
	if f.err == io.EOF {
		return written, nil
	}
	return written, f.err
}

// finish receives what is left of the current file and was not read, and checks its end.
func (r *reader) finish() error {
	if _, err := r.WriteTo(io.Discard); err != nil {
		return err
	}
	return r.unstage()
}

// invalid returns INVALID_ARGUMENT for a field of the request received last.
func (r *reader) invalid(reason rpcerr.Reason, field, format string, args ...any) *rpcerr.Error {
	return invalid(reason, max(r.messages-1, 0), field, format, args...)
}
