package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

func image(name string, number int32, data string) *chunk {
	return &chunk{Filename: name, ChunkNumber: number, Data: []byte(data)}
}

func header(h *uploadv1.VideoHeader) *part {
	return &part{Part: &uploadv1.UploadVideoRequest_Header{Header: h}}
}

func data(offset uint64, text string, finish bool) *part {
	return &part{Part: &uploadv1.UploadVideoRequest_Data{Data: []byte(text)}, Offset: offset, Finish: finish}
}

func withSum(c *chunk, text string) *chunk {
	sum := sha256.Sum256([]byte(text))
	c.Sha256 = hex.EncodeToString(sum[:])
	return c
}

// empties returns the chunks of a file of which all but one are empty.
func empties(n int32) (chunks []*chunk) {
	for i := range n {
		chunks = append(chunks, image("a", i, ""))
	}
	return append(chunks, image("a", n, "x"))
}

func size(n int64) *int64 { return &n }

// TestChunks sends chunks as clients in any language may.
func TestChunks(t *testing.T) {
	servicetest.NoLeaks(t)
	client := serve(t, &store{})
	crc := crc32.Checksum([]byte("abc"), crc32.MakeTable(crc32.Castagnoli))
	flat := func(chunks ...*chunk) func() (*summary, error) {
		return func() (*summary, error) { return client.UploadImages(t.Context(), stream.Of(chunks...)) }
	}
	headed := func(parts ...*part) func() (*summary, error) {
		return func() (*summary, error) { return client.UploadVideo(t.Context(), stream.Of(parts...)) }
	}
	for name, test := range map[string]struct {
		send   func() (*summary, error)
		want   string // names and sizes, or the field and text of the violation
		reason rpcerr.Reason
	}{
		"nothing":             {flat(), "", ""},
		"one":                 {flat(image("a", 0, "abc")), "a:3", ""},
		"empty":               {flat(image("a", 0, "")), "a:0", ""},
		"chunks":              {flat(image("a", 0, "abc"), image("a", 1, ""), image("a", 2, "de")), "a:5", ""},
		"nameless follow":     {flat(image("a", 0, "abc"), image("", 1, "de")), "a:5", ""},
		"files":               {flat(image("a", 0, "abc"), image("a", 1, "d"), image("b", 0, "e"), image("c", 0, "")), "a:4 b:1 c:0", ""},
		"checksum first":      {flat(withSum(image("a", 0, "ab"), "abc"), image("a", 1, "c")), "a:3", ""},
		"checksum last":       {flat(image("a", 0, "ab"), withSum(image("a", 1, "c"), "abc")), "a:3", ""},
		"no name":             {flat(image("", 0, "abc")), "filename has 0 bytes; send 1 to 1024", upload.ReasonNameInvalid},
		"long name":           {flat(image(strings.Repeat("x", 1025), 0, "abc")), "filename has 1025 bytes; send 1 to 1024", upload.ReasonNameInvalid},
		"first missing":       {flat(image("a", 1, "abc")), "chunk_number is 1, want 0", upload.ReasonOutOfOrder},
		"gap":                 {flat(image("a", 0, "abc"), image("a", 2, "x")), "chunk_number is 2, want 1", upload.ReasonOutOfOrder},
		"twice":               {flat(image("a", 0, "abc"), image("a", 0, "abc")), "chunk_number is 0, want 1", upload.ReasonOutOfOrder},
		"name changes":        {flat(image("a", 0, "abc"), image("b", 1, "x")), "filename changes although chunk_number is not 0, with which a file starts", upload.ReasonOutOfOrder},
		"wrong checksum":      {flat(withSum(image("a", 0, "abd"), "abc")), "sha256 does not match the bytes of the file", upload.ReasonChecksumInvalid},
		"wrong checksum last": {flat(image("a", 0, "ab"), withSum(image("a", 1, "d"), "abc")), "sha256 does not match the bytes of the file", upload.ReasonChecksumInvalid},
		"wrong in the middle": {flat(withSum(image("a", 0, "abd"), "abc"), image("b", 0, "x")), "sha256 does not match the bytes of the file", upload.ReasonChecksumInvalid},
		"two checksums":       {flat(withSum(image("a", 0, "ab"), "abc"), withSum(image("a", 1, "c"), "abd")), "sha256 differs from that of the first chunk", upload.ReasonOutOfOrder},
		"no checksum": {flat(&chunk{Filename: "a", Sha256: "xyz"}),
			"sha256 is not a checksum; send CRC-32C, MD5 or SHA-256, in hexadecimal if it is text", upload.ReasonChecksumInvalid},
		"other checksum last": {flat(image("a", 0, "ab"), &chunk{Filename: "a", ChunkNumber: 1, Sha256: "01020304"}),
			"sha256 has 4 bytes, want 32; send a checksum of this length with the first chunk", upload.ReasonChecksumInvalid},

		"many empty":          {flat(empties(1_000)...), "a:1", ""},
		"too many empty":      {flat(empties(1_001)...), "data is empty for the 1001th time; send data in each chunk of a file", upload.ReasonTooManyEmpty},
		"many empty of files": {flat(append(empties(1_000), image("b", 0, ""))...), "a:1 b:0", ""},
		"too many empty after the header": {headed(append(append([]*part{header(&uploadv1.VideoHeader{})}, slices.Repeat([]*part{data(0, "", false)}, 1_001)...), data(0, "", true))...),
			"data is empty for the 1001th time; send data in each chunk of a file", upload.ReasonTooManyEmpty},

		"header":           {headed(header(&uploadv1.VideoHeader{Name: "v", Author: "me", SizeBytes: size(3), Crc32C: crc}), data(0, "ab", false), data(2, "c", true)), "v by me:3", ""},
		"header, no name":  {headed(header(&uploadv1.VideoHeader{}), data(0, "abc", true)), " by :3", ""},
		"header, no bytes": {headed(header(&uploadv1.VideoHeader{SizeBytes: size(0)}), data(0, "", true)), " by :0", ""},
		"no header":        {headed(data(0, "abc", true)), "header is missing; send it in the first request", upload.ReasonHeaderMissing},
		"nothing at all":   {headed(), "header is missing; send it in the first request", upload.ReasonHeaderMissing},
		"second header":    {headed(header(&uploadv1.VideoHeader{}), header(&uploadv1.VideoHeader{})), "header is set again; send it in the first request only", upload.ReasonHeaderRepeated},
		"wrong offset":     {headed(header(&uploadv1.VideoHeader{}), data(0, "abc", false), data(4, "c", true)), "offset is 4, want 3", upload.ReasonOutOfOrder},
		"huge offset":      {headed(header(&uploadv1.VideoHeader{}), data(1<<63+7, "abc", true)), "offset is 9223372036854775807, want 0", upload.ReasonOutOfOrder},
		"not finished":     {headed(header(&uploadv1.VideoHeader{}), data(0, "abc", false)), "finish was never set; set it in the last chunk", upload.ReasonIncomplete},
		"after the last":   {headed(header(&uploadv1.VideoHeader{}), data(0, "abc", true), data(3, "d", true)), "data comes after the last chunk of the file", upload.ReasonSizeExceeded},
		"too few":          {headed(header(&uploadv1.VideoHeader{SizeBytes: size(4)}), data(0, "abc", true)), "header.size_bytes is 4, but the file ended after 3 bytes", upload.ReasonIncomplete},
		"too many":         {headed(header(&uploadv1.VideoHeader{SizeBytes: size(2)}), data(0, "abc", true)), "data has more bytes than the 2 of the file", upload.ReasonSizeExceeded},
		"negative":         {headed(header(&uploadv1.VideoHeader{SizeBytes: size(-2)}), data(0, "abc", true)), "header.size_bytes is negative", upload.ReasonSizeExceeded},
		"wrong crc":        {headed(header(&uploadv1.VideoHeader{Crc32C: crc + 1}), data(0, "abc", true)), "header.crc32c does not match the bytes of the file", upload.ReasonChecksumInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			sum, err := test.send()
			if test.reason == "" {
				if got := strings.Join(sum.GetNames(), " "); err != nil || got != test.want {
					t.Fatalf("got %q, %v, want %q", got, err, test.want)
				}
				return
			}
			violations := rpcerr.FieldViolations(err)
			if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != test.reason || len(violations) != 1 {
				t.Fatalf("got %v, %v, want %s", sum, err, test.reason)
			}
			if got := violations[0].Field + " " + violations[0].Description; got != test.want || violations[0].Reason != test.reason.Name() {
				t.Errorf("the violation is %q of %q, want %q", got, violations[0].Reason, test.want)
			}
		})
	}
}

// TestLimits sends more than a method accepts.
func TestLimits(t *testing.T) {
	servicetest.NoLeaks(t)
	client := serve(t, &store{opts: []upload.Option{upload.WithMaxFileBytes(10), upload.WithMaxTotalBytes(15), upload.WithMaxFiles(2)}})
	text := strings.Repeat("x", 11)
	for name, test := range map[string]struct {
		chunks []*chunk
		reason rpcerr.Reason
	}{
		"fits":           {[]*chunk{image("a", 0, text[:10]), image("b", 0, text[:5])}, ""},
		"file":           {[]*chunk{image("a", 0, text)}, upload.ReasonTooLarge},
		"file in chunks": {[]*chunk{image("a", 0, text[:6]), image("a", 1, text[:5])}, upload.ReasonTooLarge},
		"total":          {[]*chunk{image("a", 0, text[:8]), image("b", 0, text[:8])}, upload.ReasonTooLarge},
		"files":          {[]*chunk{image("a", 0, ""), image("b", 0, ""), image("c", 0, "")}, upload.ReasonTooManyFiles},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.UploadImages(t.Context(), stream.Of(test.chunks...))
			if rpcerr.ReasonOf(err) != test.reason || test.reason != "" && status.Code(err) != codes.ResourceExhausted {
				t.Errorf("got %v, want %s", err, test.reason)
			}
		})
	}
	_, err := client.UploadVideo(t.Context(), stream.Of(header(&uploadv1.VideoHeader{SizeBytes: size(11)})))
	if rpcerr.ReasonOf(err) != upload.ReasonTooLarge {
		t.Errorf("a size of 11: %v", err)
	}
}

// TestFilesAreReaders checks the rules of io.Reader, and that what a method leaves unread is
// received.
func TestFilesAreReaders(t *testing.T) {
	servicetest.NoLeaks(t)
	want := strings.Repeat("0123456789", 100)
	got := map[string]string{}
	client := serve(t, &store{save: func(name string, file io.Reader) error {
		if name == "skipped" {
			return nil
		}
		if err := iotest.TestReader(file, []byte(want)); err != nil {
			return err
		}
		got[name] = want
		return nil
	}})
	source := func(name string) upload.Source[chunk] {
		return upload.Source[chunk]{Name: name, Content: iotest.OneByteReader(strings.NewReader(want))}
	}
	_, err := images.SendAll(t.Context(), client, func(yield func(upload.Source[chunk], error) bool) {
		_ = yield(source("a"), nil) && yield(source("skipped"), nil) && yield(source("b"), nil)
	}, upload.WithChunkBytes(7))
	if err != nil || len(got) != 2 {
		t.Errorf("got %d files, %v", len(got), err)
	}
}

// TestSend sends files of all sizes around that of a chunk.
func TestSend(t *testing.T) {
	servicetest.NoLeaks(t)
	var got bytes.Buffer
	client := serve(t, &store{save: func(_ string, file io.Reader) error {
		got.Reset()
		_, err := got.ReadFrom(file)
		return err
	}})
	all := bytes.Repeat([]byte("abc"), 10)
	for n := range len(all) {
		for name, content := range map[string]func() io.Reader{
			"seeker": func() io.Reader { return bytes.NewReader(all[:n]) },
			"reader": func() io.Reader { return iotest.HalfReader(bytes.NewBuffer(bytes.Clone(all[:n]))) },
		} {
			progress := []int64{}
			follow := upload.WithProgress(func(sent, total int64) {
				progress = append(progress, sent)
				if known := name == "seeker"; known != (total == int64(n)) {
					t.Errorf("%s of %d: total %d", name, n, total)
				}
			})
			_, err := images.Send(t.Context(), client, upload.Source[chunk]{Name: "a", Content: content()}, upload.WithChunkBytes(5), follow)
			if err != nil || !bytes.Equal(got.Bytes(), all[:n]) {
				t.Fatalf("images: %s of %d: %q, %v", name, n, got.Bytes(), err)
			}
			if len(progress) != max((n+4)/5, 1) || progress[len(progress)-1] != int64(n) {
				t.Errorf("%s of %d: progress %v", name, n, progress)
			}
			_, err = videos.Send(t.Context(), client, upload.Source[uploadv1.VideoHeader]{Name: "a", Content: content()}, upload.WithChunkBytes(5))
			if err != nil || !bytes.Equal(got.Bytes(), all[:n]) {
				t.Fatalf("videos: %s of %d: %q, %v", name, n, got.Bytes(), err)
			}
		}
	}
}

// TestFailures fails on either side, in the middle of a file.
func TestFailures(t *testing.T) {
	servicetest.NoLeaks(t)
	client := serve(t, &store{save: func(name string, file io.Reader) error {
		if name == "full" {
			return status.Error(codes.ResourceExhausted, "full")
		}
		_, err := io.Copy(io.Discard, file)
		return err
	}})
	broken := errors.New("broken disk")
	content := io.MultiReader(strings.NewReader(strings.Repeat("x", 100)), iotest.ErrReader(broken))
	if _, err := images.Send(t.Context(), client, upload.Source[chunk]{Name: "a", Content: content}, upload.WithChunkBytes(10)); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	endless := upload.Source[chunk]{Name: "full", Content: endlessReader{}}
	if _, err := images.Send(t.Context(), client, endless); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a method that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	follow := upload.WithProgress(func(sent, _ int64) {
		if sent > 1<<20 {
			cancel()
		}
	})
	if _, err := images.Send(ctx, client, upload.Source[chunk]{Name: "a", Content: endlessReader{}}, follow); status.Code(err) != codes.Canceled {
		t.Errorf("a call that is cancelled: %v", err)
	}
	sources := func(yield func(upload.Source[chunk], error) bool) { yield(upload.Source[chunk]{}, broken) }
	if _, err := images.SendAll(t.Context(), client, sources); !errors.Is(err, broken) {
		t.Errorf("sources that fail: %v", err)
	}
}

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }

// TestMisuse uses methods whose fields do not exist.
func TestMisuse(t *testing.T) {
	for name, fields := range map[string]upload.Fields{
		"no data":     {Name: "filename"},
		"no start":    {Data: "data"},
		"no field":    {Name: "filename", Data: "bytes"},
		"wrong type":  {Name: "filename", Data: "author"},
		"wrong type2": {Name: "filename", Data: "data", Number: "author"},
		"nested":      {Name: "filename.name", Data: "data"},
	} {
		m := upload.Of(info("UploadImages"), service.UploadImages, fields)
		for file, err := range m.Files(t.Context(), stream.Of(image("a", 0, "x"))) {
			if file != nil || status.Code(err) != codes.Internal {
				t.Errorf("%s: %v, %v", name, file, err)
			}
		}
		if _, err := m.Send(t.Context(), &store{}, upload.Source[chunk]{Content: strings.NewReader("x")}); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := func(yield func(upload.Source[uploadv1.VideoHeader], error) bool) {
		one := upload.Source[uploadv1.VideoHeader]{Content: strings.NewReader("x")}
		another := upload.Source[uploadv1.VideoHeader]{Content: strings.NewReader("y")}
		_ = yield(one, nil) && yield(another, nil)
	}
	if _, err := videos.SendAll(t.Context(), &store{}, twice); status.Code(err) != codes.Internal {
		t.Errorf("two files with headers: %v", err)
	}
}

// TestDirectCalls uploads to an implementation, without a connection.
func TestDirectCalls(t *testing.T) {
	servicetest.NoLeaks(t)
	s := &store{}
	for _, opts := range [][]upload.SendOption{nil, {upload.WithResume(0)}} {
		sum, err := images.Send(t.Context(), s, upload.Source[chunk]{Name: "a", Content: strings.NewReader("abc")}, append(opts, upload.WithChunkBytes(2))...)
		if err != nil || strings.Join(sum.GetNames(), " ") != "a:3" {
			t.Errorf("got %v, %v", sum, err)
		}
	}
	_, err := s.UploadImages(t.Context(), runtime.Fail[chunk](errNotSaved))
	if !errors.Is(err, errNotSaved) {
		t.Errorf("got %v", err)
	}
}
