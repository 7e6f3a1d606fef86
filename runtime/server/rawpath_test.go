package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestOddPathsReachNoMethod sends what no client library would: paths that look like those of
// methods (CVE-2026-33186 was one without its slash, which grpc routed and interceptors did not
// recognise). None reaches a method, or the policy of one.
func TestOddPathsReachNoMethod(t *testing.T) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithAuthenticator(byToken))
	ran := make(chan string, 1)
	impl := echotest.Behaving(func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		ran <- call.Method().FullMethod
		return nil
	})
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{Public: true}}), impl)
	testgrpc.RegisterTestServiceServer(srv, stockService{do: func(context.Context) error { ran <- "stock"; return nil }})
	addr := echotest.ListenAndServe(t, srv)

	for path, want := range map[string]codes.Code{
		"/test.v1.Echo/One":                   codes.OK, // that the test can tell
		"test.v1.Echo/One":                    codes.Unimplemented,
		"":                                    codes.Unimplemented,
		"/":                                   codes.Unimplemented,
		"//":                                  codes.Unauthenticated,
		"//test.v1.Echo/One":                  codes.Unauthenticated,
		"/test.v1.Echo//One":                  codes.Unauthenticated,
		"/test.v1.Echo/One/":                  codes.Unauthenticated,
		"/test.v1.Echo/one":                   codes.Unauthenticated,
		"/test.v1.Echo/Two":                   codes.Unauthenticated,
		"/test.v1.Echo":                       codes.Unimplemented,
		"/test.v1.Echo/":                      codes.Unauthenticated,
		"/TEST.V1.ECHO/One":                   codes.Unauthenticated,
		"/test.v1.Echo%2FOne":                 codes.Unimplemented,
		"grpc.testing.TestService/EmptyCall":  codes.Unimplemented,
		"/grpc.testing.TestService/EmptyCall": codes.Unauthenticated, // like a method that does not exist
	} {
		got := rawCall(t, addr, path)
		if got != want {
			t.Errorf("path %q: %v, want %v", path, got, want)
		}
		select {
		case method := <-ran:
			if want != codes.OK {
				t.Errorf("path %q reached %s", path, method)
			}
		default:
		}
	}
}

// rawCall sends the frames of a unary call with an empty request, and returns the status that comes
// back. A stream that is reset, or a response that is not gRPC's, counts as UNIMPLEMENTED: the call
// reached nothing.
func rawCall(t *testing.T, addr, path string) codes.Code {
	t.Helper()
	framer := rawConn(t, addr)
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: requestHeaders(t, path), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteData(1, true, []byte{0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	return readStatus(t, framer)
}

// requestHeaders encodes the headers of a call.
func requestHeaders(t *testing.T, path string) []byte {
	t.Helper()
	var buf bytes.Buffer
	encoder := hpack.NewEncoder(&buf)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "test"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

// readStatus reads until the stream ends.
func readStatus(t *testing.T, framer *http2.Framer) codes.Code {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := framer.WriteSettingsAck(); err != nil {
					t.Fatal(err)
				}
			}
		case *http2.MetaHeadersFrame:
			if code, ok := statusIn(t, f); ok {
				return code
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return codes.Unimplemented
		}
	}
}

// statusIn finds the status in headers, or that there will be none.
func statusIn(t *testing.T, f *http2.MetaHeadersFrame) (codes.Code, bool) {
	t.Helper()
	for _, field := range f.Fields {
		if field.Name == "grpc-status" {
			n, err := strconv.Atoi(field.Value)
			if err != nil {
				t.Fatal(err)
			}
			return codes.Code(n), true
		}
	}
	return codes.Unimplemented, f.StreamEnded()
}
