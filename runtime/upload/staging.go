package upload

import (
	"context"
	"encoding/hex"
	"io"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime"
)

// Staging keeps what has arrived of files, so that uploads can be resumed. It must be safe for
// concurrent use. [Dir] keeps files in a directory.
type Staging interface {
	// Open returns the part of a file that has arrived, empty if it is new. If another call has it
	// open, that call loses it: its writes fail with ABORTED, reason UPLOAD_TAKEN_OVER. A client
	// that was cut off comes back before the server has noticed.
	Open(ctx context.Context, key Key) (Part, error)
}

// Part is what has arrived of a file. It is used by one goroutine at a time. Its errors become
// those of the call: return UNAVAILABLE during an outage, after which a client with [WithResume]
// comes back. After another call has taken the upload over, all methods but Discard and
// Close fail; those two then do nothing.
type Part interface {
	// Write appends to the part.
	io.Writer
	// Offset returns how many bytes the part has. Those that it had when it was opened survive a
	// crash.
	Offset() int64
	// Reset makes the part empty.
	Reset() error
	// Reader returns a reader of all bytes, which still has them after another call has taken the
	// upload over. The caller closes it before the part.
	Reader() (io.ReadCloser, error)
	// Discard deletes the part, and closes it.
	Discard() error
	// Close keeps the part for the next call of [Staging.Open].
	Close() error
}

// Key identifies an upload.
type Key struct {
	// Method is the path of the RPC: "/shop.v1.UploadService/UploadImages".
	Method string
	// Principal is the ID of the caller, or "" without authentication.
	Principal string
	// Name is the name of the file.
	Name string
	// Size is the size of the file, or -1 if it is not known before its end.
	Size int64
	// Checksum is the checksum of the file in hexadecimal, or "" if it is not known before its end.
	Checksum string
}

// Metadata of an upload that can be resumed.
const (
	// resumeKey is in the request of a client that waits, after its first message, for the offset to
	// continue from.
	resumeKey = "grpcservice-upload-resume"
	// offsetKey is in the response header: how many bytes of the file the server has.
	offsetKey = "grpcservice-upload-offset"
)

// offer opens the staged part of the file that has just started, and sends a client that resumes
// the offset to continue from. m is the first request of the file.
func (r *reader) offer(m protoreflect.Message) error {
	f, s := r.file, r.shape
	resumes := r.files == 1 && len(metadata.ValueFromIncomingContext(r.ctx, resumeKey)) > 0
	if resumes && len(s.data.Get(m).Bytes()) > 0 {
		return r.invalid(ReasonOutOfOrder, s.names.Data,
			"must be empty in the first request of an upload that resumes; wait for the offset")
	}
	if r.staging != nil && f.name != "" {
		var err error
		if f.part, err = r.staging.Open(r.ctx, r.key()); err != nil {
			return err
		}
		if !resumes || f.size >= 0 && f.part.Offset() > f.size {
			if err := f.part.Reset(); err != nil {
				return err
			}
		}
		f.received = f.part.Offset()
		r.total += f.received
	}
	if resumes {
		// Fails only where the header cannot matter: in a direct call, and where it was sent before.
		_ = grpc.SendHeader(r.ctx, metadata.Pairs(offsetKey, strconv.FormatInt(f.received, 10)))
	}
	return nil
}

func (r *reader) key() Key {
	key := Key{Method: r.method, Name: r.file.name, Size: r.file.size, Checksum: hex.EncodeToString(r.file.sum)}
	if c, ok := runtime.CallFromContext(r.ctx); ok && c.Principal() != nil {
		key.Principal = c.Principal().ID
	}
	return key
}

// stage receives the whole file into its part, if it has one.
func (r *reader) stage() error {
	f := r.file
	if f.part == nil {
		return nil
	}
	for {
		if _, err := f.part.Write(f.rest); err != nil {
			return err
		}
		f.rest = nil
		if err := r.fill(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	whole, err := f.part.Reader()
	if err != nil {
		return err
	}
	f.whole = &wholePart{whole, f.received}
	return nil
}

// wholePart reads the bytes of a part that have arrived: no more if another call has taken the
// upload over, and no fewer if the part has been damaged.
type wholePart struct {
	io.ReadCloser
	missing int64
}

func (w *wholePart) Read(p []byte) (int, error) {
	if w.missing == 0 {
		return 0, io.EOF
	}
	n, err := w.ReadCloser.Read(p[:min(int64(len(p)), w.missing)])
	switch w.missing -= int64(n); {
	case err == io.EOF && w.missing == 0:
		return n, nil
	case err == io.EOF:
		return n, misuse("staging: the last %d bytes are missing", w.missing)
	case err != nil:
		return n, misuse("staging: %w", err)
	}
	return n, nil
}

// unstage deletes the part of a file that is done.
func (r *reader) unstage() error {
	f := r.file
	if f.part == nil {
		return nil
	}
	_ = f.whole.Close() // it was only read
	err := f.part.Discard()
	f.part = nil
	return err
}

// close keeps the part of an interrupted file, or of one that the method has not finished, and
// deletes it if the client sent something invalid. No file can be read any more.
func (r *reader) close() {
	f := r.file
	r.file = &file{}
	if f.part == nil {
		return
	}
	if f.whole != nil {
		_ = f.whole.Close() // it was only read
	}
	if r.cutOff || f.whole != nil && (f.err == nil || f.err == io.EOF) {
		_ = f.part.Close() // what it could not keep is sent again
	} else {
		_ = f.part.Discard() // it expires
	}
}
