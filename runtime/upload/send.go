package upload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// DefaultChunkBytes is the size of the chunks that a client sends, unless [WithChunkBytes] says
// otherwise.
const DefaultChunkBytes = 64 << 10

// Source is a file to upload.
type Source[H any] struct {
	// Name is the name of the file. It may be empty if Header has it, or the upload has no names.
	Name string
	// Header is the header, or in a flat upload the first chunk, without data. Name, size and checksum
	// are filled in. Nil is an empty one.
	Header *H
	// Content is the bytes of the file, up to [io.EOF]. If it is also an [io.Seeker], its size is
	// known, a checksum can be sent first, and the upload can be resumed; it is then read from its
	// current position, and what is added to it during the upload is not sent.
	Content io.Reader
	// Size is the size of the file, if it is known and Content is no [io.Seeker]. Send fails if
	// Content has more bytes or fewer.
	Size int64
}

// SendOption configures [Method.Send] and [Method.SendAll].
type SendOption func(*sendOptions)

type sendOptions struct {
	chunk    int
	progress func(sent, total int64)
	resume   int // attempts in a row without progress; 0 is no resumption
}

// WithChunkBytes sets the size of chunks, at least 1. A server rejects chunks that are larger than
// its largest message.
func WithChunkBytes(n int) SendOption { return func(o *sendOptions) { o.chunk = max(n, 1) } }

// WithProgress calls progress after each chunk that was handed to the connection, with the bytes of
// the file so far and its size, which is -1 if it is not known. An upload that is resumed continues
// at what the server has, which may be less than before.
func WithProgress(progress func(sent, total int64)) SendOption {
	return func(o *sendOptions) { o.progress = progress }
}

// Send uploads a file in one call of s, which is a client, and returns the response. If Content
// fails, the call is cancelled and Send returns the error of Content.
func (m *Method[S, Req, Resp, H]) Send(ctx context.Context, s S, source Source[H], opts ...SendOption) (*Resp, error) {
	o := sendOptionsOf(opts)
	if o.resume > 0 {
		return m.sendResumed(ctx, s, source, o)
	}
	return m.SendAll(ctx, s, func(yield func(Source[H], error) bool) { yield(source, nil) }, opts...)
}

// SendAll uploads files in one call of s. Only flat uploads can have more than one. If sources
// yields an error, the call is cancelled and SendAll returns the error. An upload of many files is
// not resumed.
func (m *Method[S, Req, Resp, H]) SendAll(ctx context.Context, s S, sources iter.Seq2[Source[H], error], opts ...SendOption) (*Resp, error) {
	shape, err := m.facts()
	if err != nil {
		return nil, err
	}
	o := sendOptionsOf(opts)
	return m.call(s, ctx, func(yield func(*Req, error) bool) {
		files := 0
		for source, err := range sources {
			if files++; err == nil && files > 1 && len(shape.header) > 0 {
				err = misuse("%s uploads one file in a call", m.info.FullMethod)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			w, err := newWriter(shape, source, o, yield)
			if err == nil {
				err = w.send()
			}
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	})
}

func sendOptionsOf(opts []SendOption) sendOptions {
	o := sendOptions{chunk: DefaultChunkBytes}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// errStopped reports that the call takes no more requests.
var errStopped = errors.New("the call takes no more requests")

// writer sends one file.
type writer[Req, H any] struct {
	*shape
	source  Source[H]
	options sendOptions
	yield   func(*Req, error) bool
	content io.Reader // of the source, at most size bytes if that was measured

	size     int64  // -1 if unknown
	measured bool   // size is what Content had when the call started
	sum      []byte // nil if there is no checksum field, or it is sent last
	fileName string // what each chunk repeats; "" if only the header has it
	number   int64
	offset   int64
}

func newWriter[Req, H any](s *shape, source Source[H], o sendOptions, yield func(*Req, error) bool) (*writer[Req, H], error) {
	w := &writer[Req, H]{
		shape: s, source: source, options: o, yield: yield,
		content: steady{source.Content}, size: -1,
	}
	if source.Size > 0 {
		w.size = source.Size
	}
	seeker, ok := source.Content.(io.Seeker)
	if !ok {
		return w, nil
	}
	err := w.measure(seeker)
	if w.measured {
		w.content = io.LimitReader(w.content, w.size)
	}
	return w, err
}

// measure finds the size of a file, and its checksum if that is sent first.
func (w *writer[Req, H]) measure(seeker io.Seeker) error {
	at, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe has the method, but cannot seek
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	w.size, w.measured = end-at, true
	if _, err = seeker.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if len(w.checksum) == 0 || w.options.resume == 0 && !w.isInHeader(w.checksum) {
		return nil
	}
	sum := hashOf(w.checksum)
	if _, err := io.Copy(sum, io.LimitReader(w.content, w.size)); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	w.sum = sum.Sum(nil)
	if _, err = seeker.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}

// isInHeader reports whether the header has a field.
func (w *writer[Req, H]) isInHeader(p fieldpath.Path) bool {
	return len(w.header) > 0 && p[0] == w.header[0]
}

// first returns the first request, without data.
func (w *writer[Req, H]) first() (*Req, error) {
	req := new(Req)
	m := reflectOf(req)
	if w.source.Header != nil {
		header := any(w.source.Header).(proto.Message)
		if len(w.header) > 0 {
			w.header.Set(m, protoreflect.ValueOfMessage(proto.Clone(header).ProtoReflect()))
		} else {
			proto.Merge(m.Interface(), header)
			fieldpath.Holder(w.data, m).Clear(w.data.Last())
		}
	} else if len(w.header) > 0 {
		fieldOf(w.header, m)
	}
	if w.source.Name != "" && len(w.name) > 0 {
		w.name.Set(m, protoreflect.ValueOfString(w.source.Name))
	}
	if w.size >= 0 && len(w.shape.size) > 0 && !w.shape.size.SetInteger(m, w.size) {
		return nil, misuse("%s cannot hold %d", w.names.Size, w.size)
	}
	if w.sum != nil {
		setSum(w.checksum, m, w.sum)
	}
	if len(w.name) > 0 && !w.isInHeader(w.name) {
		w.fileName = w.name.Get(m).String()
	}
	return req, nil
}

// fieldOf creates the message that a path leads to.
func fieldOf(p fieldpath.Path, m protoreflect.Message) {
	for _, field := range p {
		m = m.Mutable(field).Message()
	}
}

// send sends the file from its start.
func (w *writer[Req, H]) send() error {
	first, err := w.first()
	if err != nil {
		return err
	}
	if len(w.header) > 0 {
		if !w.yield(first, nil) {
			return errStopped
		}
		first = nil
	}
	return w.chunks(first)
}

// chunks sends the data. The first chunk is first, if that is not nil.
func (w *writer[Req, H]) chunks(first *Req) error {
	var sum hash.Hash // nil if the checksum was sent first, or there is no field for it
	if len(w.checksum) > 0 && w.sum == nil && !w.isInHeader(w.checksum) {
		sum = hashOf(w.checksum)
	}
	data, err := w.read()
	for {
		if err != nil {
			return err
		}
		var ahead []byte
		last := len(data) < w.options.chunk
		if !last {
			ahead, err = w.read()
			last = err == nil && len(ahead) == 0
		}
		if err := w.checkSize(int64(len(data)), last); err != nil {
			return err
		}
		req := cmp.Or(first, new(Req))
		first = nil
		if err := w.fill(reflectOf(req), data, sum, last); err != nil {
			return err
		}
		if !w.yield(req, nil) {
			return errStopped
		}
		w.sent(len(data))
		if last {
			return err
		}
		data = ahead
	}
}

// fill sets the fields of a chunk. sum collects the checksum, and is nil if there is none to send.
func (w *writer[Req, H]) fill(
	m protoreflect.Message, data []byte, sum hash.Hash, last bool,
) error {
	if sum != nil {
		sum.Write(data)
	}
	if err := w.fillChunk(m, data); err != nil {
		return err
	}
	if last {
		w.fillLast(m, sum)
	}
	return nil
}

// checkSize checks that the content has as many bytes as announced to the server.
func (w *writer[Req, H]) checkSize(n int64, last bool) error {
	switch got := w.offset + n; {
	case w.size < 0:
		return nil
	case got > w.size:
		return fmt.Errorf("upload: the content has more than its %d bytes; correct Source.Size", w.size)
	case last && got < w.size:
		return fmt.Errorf("upload: the content ended after %d of %d bytes: %w", got, w.size, io.ErrUnexpectedEOF)
	}
	return nil
}

// read reads the next chunk; it is shorter than others at the end of the file.
func (w *writer[Req, H]) read() ([]byte, error) {
	data := make([]byte, w.options.chunk)
	n, err := io.ReadFull(w.content, data)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return data[:n], nil
}

func (w *writer[Req, H]) fillChunk(m protoreflect.Message, data []byte) error {
	if w.fileName != "" {
		w.name.Set(m, protoreflect.ValueOfString(w.fileName))
	}
	w.data.Set(m, protoreflect.ValueOfBytes(data))
	if len(w.shape.number) > 0 && !w.shape.number.SetInteger(m, w.number) {
		return misuse("%s cannot hold %d", w.names.Number, w.number)
	}
	if len(w.shape.offset) > 0 && !w.shape.offset.SetInteger(m, w.offset) {
		return misuse("%s cannot hold %d", w.names.Offset, w.offset)
	}
	return nil
}

// fillLast sets what only the last chunk has.
func (w *writer[Req, H]) fillLast(m protoreflect.Message, sum hash.Hash) {
	if len(w.finish) > 0 {
		w.finish.Set(m, protoreflect.ValueOfBool(true))
	}
	if sum != nil {
		setSum(w.checksum, m, sum.Sum(nil))
	}
}

// sent counts a chunk.
func (w *writer[Req, H]) sent(n int) {
	w.number++
	w.offset += int64(n)
	if w.options.progress != nil {
		w.options.progress(w.offset, w.size)
	}
}

// maxEmptyReads is how many reads in a row may return neither bytes nor an error, as in [bufio].
const maxEmptyReads = 100

// steady is a reader that fails after many empty reads.
type steady struct{ io.Reader }

func (s steady) Read(p []byte) (int, error) {
	for range maxEmptyReads {
		if n, err := s.Reader.Read(p); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
