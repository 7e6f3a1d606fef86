package web_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

const framedText = "\x00\x00\x00\x00\x03\x0a\x01a"

// respond calls a unary method.
func (r *running) respond(t *testing.T, two bool, contentType string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(echotest.Context(t), http.MethodPost, r.url+one,
		strings.NewReader(framedText))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {contentType}, "Te": {"trailers"}}
	resp, err := httpClient(t, two, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestUnaryResponsesAreNotFlushed checks that over HTTP/1.1 the response of a unary call is sent
// together with its status: net/http knows the length of what it has not flushed.
func TestUnaryResponsesAreNotFlushed(t *testing.T) {
	r := serve(t, echotest.Behaving(func(context.Context) error { return nil }), config{})
	for _, test := range []struct {
		two         bool
		contentType string
		measured    bool
	}{
		{true, "application/grpc", false},
		{true, "application/grpc-web", false},
		{false, "application/grpc-web", true},
		{false, "application/grpc", false}, // its status is a trailer, which a length excludes
	} {
		resp := r.respond(t, test.two, test.contentType)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(body), "\x00\x00\x00\x00") ||
			resp.Trailer.Get("Grpc-Status") != "0" && !strings.Contains(string(body), "grpc-status: 0") {
			t.Errorf("%s: %q, trailer %v", test.contentType, body, resp.Trailer)
		}
		if measured := resp.Header.Get("Content-Length") != ""; measured != test.measured {
			t.Errorf("%s (HTTP/2: %t): a length in the header: %t, want %t",
				test.contentType, test.two, measured, test.measured)
		}
	}
}
