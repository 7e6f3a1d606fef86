package upload_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// TestFilesOfEarlierTurns uses files after the loop has asked for the next one.
func TestFilesOfEarlierTurns(t *testing.T) {
	for name, opts := range map[string][]upload.Option{
		"received": nil,
		"staged":   {upload.WithStaging(openDir(t, t.TempDir()))},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			var kept []*upload.File[chunk]
			reqs := stream.Of(image("a", 0, "1"), image("b", 0, "22"), image("b", 1, "2"))
			for file, err := range images.Files(t.Context(), reqs, opts...) {
				if err != nil {
					t.Fatal(err)
				}
				if kept = append(kept, file); len(kept) == 1 {
					continue
				}
				if n, err := kept[0].Read(make([]byte, 9)); n > 0 || status.Code(err) != codes.Internal {
					t.Errorf("read %d, %v of a file of an earlier turn", n, err)
				}
			}
			if kept[0].Name() != "a" || kept[1].Name() != "b" {
				t.Errorf("got %s, %s", kept[0].Name(), kept[1].Name())
			}
			if _, err := io.Copy(io.Discard, kept[1]); status.Code(err) != codes.Internal {
				t.Errorf("read a file after the loop: %v", err)
			}
		})
	}
}

// TestFileAfterBreak reads a file after the loop has ended in the middle of it: there is no more to
// wait for.
func TestFileAfterBreak(t *testing.T) {
	servicetest.NoLeaks(t)
	pipe := stream.NewPipe[chunk](t.Context())
	go func() { _ = pipe.Send(image("a", 0, "1")) }()
	defer pipe.Close(nil)
	var file *upload.File[chunk]
	for f, err := range images.Files(t.Context(), pipe.Stream()) {
		if err != nil {
			t.Fatal(err)
		}
		file = f
		break
	}
	if _, err := io.ReadAll(file); status.Code(err) != codes.Internal {
		t.Errorf("got %v", err)
	}
}

// TestResumedWithData sends data before the client can know where to continue.
func TestResumedWithData(t *testing.T) {
	servicetest.NoLeaks(t)
	path := t.TempDir()
	client := serve(t, &store{opts: []upload.Option{upload.WithStaging(openDir(t, path))}})
	cutUpload(t, client, path, "a", "abc")
	_, err := client.UploadImages(resuming(t), stream.Of(image("a", 0, "abc"), image("a", 1, "d")))
	if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != upload.ReasonOutOfOrder {
		t.Errorf("got %v", err)
	}
}

// TestHeaderThatIsTheLast sends an empty file in one request.
func TestHeaderThatIsTheLast(t *testing.T) {
	servicetest.NoLeaks(t)
	only := header(&uploadv1.VideoHeader{Name: "v"})
	only.Finish = true
	sum, err := serve(t, &store{}).UploadVideo(t.Context(), stream.Of(only))
	if err != nil || len(sum.GetNames()) != 1 {
		t.Errorf("got %v, %v", sum, err)
	}
}

// TestWrongHeaderType has a getter of another message than the header.
func TestWrongHeaderType(t *testing.T) {
	m := upload.OfHeader(info("UploadVideo"), service.UploadVideo,
		func(*part) *summary { return nil }, upload.Fields{Header: "header", Data: "data"})
	for _, err := range m.Files(t.Context(), stream.Of[part]()) {
		if status.Code(err) != codes.Internal || rpcerr.ReasonOf(err) != rpcerr.ReasonInternal {
			t.Errorf("got %v", err)
		}
	}
	source := upload.Source[summary]{Header: &summary{}, Content: strings.NewReader("a")}
	_, err := m.Send(t.Context(), serve(t, &store{}), source)
	if status.Code(err) != codes.Internal {
		t.Errorf("got %v", err)
	}
}

// stuck is content that never has bytes, as a faulty reader.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// changing is a file of which more or less can be read than it had when it was measured.
type changing struct {
	io.Reader
	size int64
}

func (c changing) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return c.size, nil
	}
	return 0, nil
}

// TestContentThatChanges sends content that is not what it was when the upload started.
func TestContentThatChanges(t *testing.T) {
	servicetest.NoLeaks(t)
	client := serve(t, &store{})
	type reader struct{ io.Reader } // cannot seek
	for name, test := range map[string]struct {
		content io.Reader
		size    int64
		want    error // nil if err is ""
		err     string
		names   string
	}{
		"no bytes":            {stuck{}, 0, io.ErrNoProgress, "", ""},
		"slow":                {reader{iotest.OneByteReader(strings.NewReader("abc"))}, 3, nil, "", "a:3"},
		"shorter":             {reader{strings.NewReader("ab")}, 3, io.ErrUnexpectedEOF, "", ""},
		"longer":              {reader{strings.NewReader("abcd")}, 3, nil, "upload: the content has more than its 3 bytes; correct Source.Size", ""},
		"file that was cut":   {changing{strings.NewReader("ab"), 3}, 0, io.ErrUnexpectedEOF, "", ""},
		"file that has grown": {changing{strings.NewReader("abcd"), 3}, 0, nil, "", "a:3"},
	} {
		t.Run(name, func(t *testing.T) {
			source := upload.Source[chunk]{Name: "a", Content: test.content, Size: test.size}
			sum, err := plain.Send(t.Context(), client, source)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %s", err, test.err)
				}
			} else if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if got := strings.Join(sum.GetNames(), " "); got != test.names {
				t.Errorf("got %s, want %s", got, test.names)
			}
		})
	}
}

// plain uploads files without a checksum.
var plain = upload.Of(info("UploadImages"), service.UploadImages, upload.Fields{
	Name: "filename", Data: "data", Number: "chunk_number",
})
