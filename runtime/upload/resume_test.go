package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	uploadv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/upload/v1/uploadv1service"
	grpcclient "github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/upload"
)

// openDir returns a staging area that is closed when the test ends.
func openDir(t *testing.T, path string, opts ...upload.DirOption) *upload.Dir {
	t.Helper()
	dir, err := upload.OpenDir(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// staged returns how many files a staging area holds, and their bytes.
func staged(t *testing.T, path string) (files int, size int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return len(names), size
}

// cutting is a connection that breaks after a number of bytes written, of all connections together.
type cutting struct {
	net.Conn
	budget *atomic.Int64
}

func (c cutting) Write(p []byte) (int, error) {
	if c.budget.Add(-int64(len(p))) < 0 {
		_ = c.Conn.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

// pattern is a file of n bytes without the memory.
type pattern struct{ at, n int64 }

// block is repeated in a pattern. Its size has no common factor with that of chunks.
var block = func() []byte {
	b := make([]byte, 1<<20+7)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}()

func (p *pattern) Read(b []byte) (int, error) {
	if p.at >= p.n {
		return 0, io.EOF
	}
	n := copy(b[:min(int64(len(b)), p.n-p.at)], block[p.at%int64(len(block)):])
	p.at += int64(n)
	return n, nil
}

func (p *pattern) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.n
	}
	p.at = offset
	return offset, nil
}

// TestSoakUpload uploads a file over connections that break in the middle of it: a small one, or
// with SOAK set a file of 1 GiB over 50 connections that break.
func TestSoakUpload(t *testing.T) {
	size, cuts := int64(8<<20), 10
	if os.Getenv("SOAK") != "" {
		size, cuts = 1<<30, 50
	}
	path := t.TempDir()
	var sum hash.Hash
	saved := 0
	addr := listen(t, &store{
		opts: []upload.Option{upload.WithStaging(openDir(t, path)), upload.WithMaxFileBytes(0), upload.WithMaxTotalBytes(0)},
		save: func(_ string, file io.Reader) error {
			sum = sha256.New()
			saved++
			_, err := io.Copy(sum, file)
			return err
		},
	})
	broken := 0
	var budget atomic.Int64
	refill := func() { budget.Store(size/int64(cuts)/2 + rand.Int64N(size/int64(cuts)/3)) }
	quickly := grpc.ConnectParams{
		MinConnectTimeout: time.Minute, // without it, a connection would get as long as the backoff
		Backoff: backoff.Config{
			BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond,
		},
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(quickly), grpc.WithContextDialer(
		func(ctx context.Context, addr string) (net.Conn, error) {
			if budget.Load() < 0 && broken < cuts {
				broken++
			}
			refill()
			if broken >= cuts {
				budget.Store(1 << 50)
			}
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			return cutting{conn, &budget}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var highest uint64
	follow := upload.WithProgress(func(int64, int64) { highest = max(highest, heap()) })
	before := heap()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	source := upload.Source[chunk]{Name: "large", Content: &pattern{n: size}}
	if _, err := images.Send(ctx, uploadv1service.NewUploadServiceClient(conn), source, upload.WithResume(0), follow); err != nil {
		t.Fatal(err)
	}
	want := sha256.New()
	_, _ = io.Copy(want, &pattern{n: size})
	if saved != 1 || !bytes.Equal(sum.Sum(nil), want.Sum(nil)) {
		t.Errorf("%d files were saved, or another one", saved)
	}
	if broken != cuts {
		t.Errorf("%d connections broke", broken)
	}
	if files, _ := staged(t, path); files != 0 {
		t.Errorf("%d files are left", files)
	}
	if highest > before+64<<20 {
		t.Errorf("the heap grew by %d MiB", (highest-before)>>20)
	}
	t.Logf("%d MiB over %d connections that broke; the heap grew by %d MiB", size>>20, broken, (max(highest, before)-before)>>20)
}

var heapReads atomic.Int64

// heap returns the bytes of the heap, now and then.
func heap() uint64 {
	if heapReads.Add(1)%64 != 1 {
		return 0
	}
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapAlloc
}

// listen serves s over TCP and returns the address.
func listen(t *testing.T, s *store) string {
	t.Helper()
	srv := server.New(server.WithDrainDelay(0))
	uploadv1service.RegisterUploadService(srv, s)
	return echotest.ListenAndServe(t, srv)
}

// cutUpload uploads the first bytes of a file that needs more, and is cut off when the server has
// them.
func cutUpload(t *testing.T, client service, path, name, text string) {
	t.Helper()
	cut := errors.New("cut")
	_, err := client.UploadImages(t.Context(), func(yield func(*chunk, error) bool) {
		if yield(image(name, 0, text), nil) {
			eventually(t, func() string { _, size := staged(t, path); return fmt.Sprint(size) }, fmt.Sprint(len(text)))
			yield(nil, cut)
		}
	})
	if !errors.Is(err, cut) {
		t.Fatal(err)
	}
}

// offsetOf asks how much the server has of a file.
func offsetOf(t *testing.T, client service, name string) string {
	t.Helper()
	var header metadata.MD
	ctx := metadata.AppendToOutgoingContext(t.Context(), "grpcservice-upload-resume", "1")
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ctx = grpcclient.WithCallOptions(ctx, grpc.Header(&header))
	_, _ = client.UploadImages(ctx, func(yield func(*chunk, error) bool) {
		if yield(&chunk{Filename: name}, nil) {
			time.Sleep(5 * time.Millisecond) // for the header
			yield(nil, errNotSaved)
		}
	})
	return strings.Join(header.Get("grpcservice-upload-offset"), ",")
}

// TestStagedFilesOutliveTheServer cuts an upload off, starts the server again and resumes.
func TestStagedFilesOutliveTheServer(t *testing.T) {
	path := t.TempDir()
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			servicetest.NoLeaks(t)
			client := serve(t, &store{opts: []upload.Option{upload.WithStaging(openDir(t, path))}})
			if i == 0 {
				cutUpload(t, client, path, "a", "0123456789")
			}
			want := "10"
			if i == 2 {
				want = "0" // it was completed
			}
			eventually(t, func() string { return offsetOf(t, client, "a") }, want)
			if i == 1 {
				_, err := client.UploadImages(resuming(t), stream.Of(image("a", 0, ""), image("a", 1, "abc")))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func resuming(t *testing.T) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "grpcservice-upload-resume", "1")
}

// eventually waits until got returns want: the server learns of a call that was cut off after its
// client.
func eventually(t *testing.T, got func() string, want string) {
	t.Helper()
	last := got()
	for start := time.Now(); last != want; last = got() {
		if time.Since(start) > time.Minute {
			t.Fatalf("got %s, want %s", last, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestWhatIsKept checks what is left in the staging area after each end of an upload.
func TestWhatIsKept(t *testing.T) {
	servicetest.NoLeaks(t)
	path := t.TempDir()
	var failure error
	client := serve(t, &store{
		opts: []upload.Option{upload.WithStaging(openDir(t, path))},
		save: func(_ string, file io.Reader) error { return failure },
	})
	holds := func(what, want string) {
		t.Helper()
		eventually(t, func() string { files, size := staged(t, path); return fmt.Sprintf("%d files, %d bytes", files, size) }, want)
		if t.Failed() {
			t.Fatal(what)
		}
	}
	send := func(chunks ...*chunk) error {
		_, err := client.UploadImages(t.Context(), stream.Of(chunks...))
		return err
	}
	if err := send(image("a", 0, "abc")); err != nil {
		t.Error(err)
	}
	holds("a file that was saved", "0 files, 0 bytes")
	cutUpload(t, client, path, "a", "abcd")
	holds("a file that was cut off", "1 files, 4 bytes")
	if err := send(image("a", 0, "x"), image("a", 2, "y")); rpcerr.ReasonOf(err) != upload.ReasonOutOfOrder {
		t.Error(err)
	}
	holds("a file with chunks out of order", "0 files, 0 bytes")
	if err := send(withSum(image("a", 0, "x"), "y")); rpcerr.ReasonOf(err) != upload.ReasonChecksumInvalid {
		t.Error(err)
	}
	holds("a file with another checksum", "0 files, 0 bytes")
	failure = status.Error(codes.Unavailable, "no disk")
	if err := send(image("a", 0, "abc")); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	holds("a whole file that the method did not save", "1 files, 3 bytes")
	failure = nil
	if _, err := client.UploadImages(resuming(t), stream.Of(image("a", 0, ""))); err != nil {
		t.Error(err)
	}
	holds("a whole file that was resumed", "0 files, 0 bytes")
	cutUpload(t, client, path, "a", "abcd")
	holds("a file that was cut off again", "1 files, 4 bytes")
	if err := send(image("a", 0, "ab")); err != nil {
		t.Error(err)
	}
	holds("a file that was sent again from its start", "0 files, 0 bytes")
}

// TestAnotherCallTakesOver resumes an upload whose call the server still has.
func TestAnotherCallTakesOver(t *testing.T) {
	servicetest.NoLeaks(t)
	path := t.TempDir()
	client := serve(t, &store{opts: []upload.Option{upload.WithStaging(openDir(t, path))}})
	pipe := stream.NewPipe[chunk](t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := client.UploadImages(t.Context(), pipe.Stream())
		ended <- err
	}()
	if err := pipe.Send(image("a", 0, "abc")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { _, size := staged(t, path); return fmt.Sprint(size) }, "3")
	eventually(t, func() string { return offsetOf(t, client, "a") }, "3")
	for i := int32(1); ; i++ {
		if pipe.Send(image("a", i, "x")) != nil {
			break
		}
	}
	err := echotest.Within(t, ended)
	if status.Code(err) != codes.Aborted || rpcerr.ReasonOf(err) != upload.ReasonTakenOver {
		t.Errorf("the first call ended with %v", err)
	}
	eventually(t, func() string { return offsetOf(t, client, "a") }, "3")
}

// TestUploadsAreToldApart resumes files that look alike.
func TestUploadsAreToldApart(t *testing.T) {
	servicetest.NoLeaks(t)
	dir := openDir(t, t.TempDir())
	key := upload.Key{Method: "/s/m", Principal: "p", Name: "n", Size: 3, Checksum: "00"}
	part := open(t, dir, key)
	if _, err := part.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := part.Close(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*upload.Key){
		func(k *upload.Key) { k.Method = "/s/" }, func(k *upload.Key) { k.Principal = "q" }, func(k *upload.Key) { k.Name = "m" },
		func(k *upload.Key) { k.Size = 4 }, func(k *upload.Key) { k.Checksum = "" }, func(k *upload.Key) { k.Method, k.Name = "/s/mn", "" },
	} {
		other := key
		change(&other)
		part := open(t, dir, other)
		if part.Offset() != 0 {
			t.Errorf("%+v has %d bytes", other, part.Offset())
		}
		if err := part.Discard(); err != nil {
			t.Error(err)
		}
	}
	part = open(t, dir, key)
	if part.Offset() != 3 {
		t.Errorf("the file has %d bytes", part.Offset())
	}
	if err := part.Discard(); err != nil {
		t.Error(err)
	}
}

func open(t *testing.T, dir *upload.Dir, key upload.Key) upload.Part {
	t.Helper()
	part, err := dir.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// TestStagingIsBounded fills a staging area.
func TestStagingIsBounded(t *testing.T) {
	path := t.TempDir()
	dir := openDir(t, path, upload.WithStagingBytes(40), upload.WithStagingFiles(8))
	full := func(err error, want string) {
		t.Helper()
		if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != upload.ReasonStagingFull || !strings.Contains(status.Convert(err).Message(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	part := open(t, dir, upload.Key{Principal: "greedy", Name: "a"})
	if _, err := part.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_, err := part.Write(make([]byte, 1))
	full(err, "the caller has too many")
	open(t, dir, upload.Key{Principal: "greedy", Name: "b"})
	_, err = dir.Open(t.Context(), upload.Key{Principal: "greedy", Name: "c"})
	full(err, "the caller has too many")
	for i := range 3 {
		for range 2 {
			part := open(t, dir, upload.Key{Principal: fmt.Sprint(i), Name: fmt.Sprint(rand.Int64())})
			if _, err := part.Write(make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = dir.Open(t.Context(), upload.Key{Principal: "other", Name: "d"})
	full(err, "the server holds too many")
	if err := part.Reset(); err != nil || part.Offset() != 0 {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 10)); err != nil {
		t.Errorf("after Reset: %v", err)
	}
	if err := part.Discard(); err != nil {
		t.Error(err)
	}
	part = open(t, dir, upload.Key{Principal: "other", Name: "d"})
	if _, err := part.Write(make([]byte, 10)); err != nil {
		t.Errorf("after Discard: %v", err)
	}
}

// TestStagingForgetsOldFiles deletes what nobody resumed, and nothing that is not its own.
func TestStagingForgetsOldFiles(t *testing.T) {
	path := t.TempDir()
	dir := openDir(t, path)
	part := open(t, dir, upload.Key{Name: "a"})
	if _, err := part.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := part.Close(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(path, "notes.txt")
	if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-25 * time.Hour)
	names, _ := filepath.Glob(filepath.Join(path, "*", "*"))
	for _, name := range append(names, other) {
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	openDir(t, path)
	if files, _ := staged(t, path); files != 0 || len(names) != 1 {
		t.Errorf("%d of %d files are left", files, len(names))
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// TestResumingNeedsMore uses WithResume where it cannot work.
func TestResumingNeedsMore(t *testing.T) {
	servicetest.NoLeaks(t)
	client := serve(t, &store{})
	if _, err := images.Send(t.Context(), client, upload.Source[chunk]{Name: "a", Content: bytes.NewBufferString("x")}, upload.WithResume(0)); status.Code(err) != codes.Internal {
		t.Errorf("a reader that cannot seek: %v", err)
	}
	sum, err := images.Send(t.Context(), client, upload.Source[chunk]{Name: "a", Content: strings.NewReader("abc")}, upload.WithResume(0))
	if err != nil || strings.Join(sum.GetNames(), " ") != "a:3" {
		t.Errorf("a server without staging: %v, %v", sum, err)
	}
	sum, err = videos.Send(t.Context(), client, upload.Source[uploadv1.VideoHeader]{Name: "v", Header: &uploadv1.VideoHeader{Author: "me"}, Content: strings.NewReader("abc")}, upload.WithResume(0))
	if err != nil || strings.Join(sum.GetNames(), " ") != "v by me:3" {
		t.Errorf("a server without staging: %v, %v", sum, err)
	}
}
