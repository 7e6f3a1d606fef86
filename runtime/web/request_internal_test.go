package web

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestUseOf checks the headers that useOf knows without an allocation.
func TestUseOf(t *testing.T) {
	for header, want := range map[string]use{
		"Accept": ofMethod, "Accept-Language": ofMethod, "Authorization": ofMethod,
		"Cache-Control": ofMethod, "Cookie": ofMethod, "Origin": ofMethod, "Referer": ofMethod,
		"Sec-Fetch-Dest": ofMethod, "Sec-Fetch-Mode": ofMethod, "Sec-Fetch-Site": ofMethod,
		"Traceparent": ofMethod, "Tracestate": ofMethod, "User-Agent": ofMethod,
		"X-Forwarded-For": ofMethod, "X-Forwarded-Proto": ofMethod, "X-Request-Id": ofMethod,
		"X-User-Agent": ofMethod, "Anything": ofMethod, "Data-Bin": ofMethod,

		"Content-Type": ofBoth,

		"Content-Encoding": ofProtocol, "Grpc-Encoding": ofProtocol,
		"Connect-Content-Encoding": ofProtocol, "Grpc-Timeout": ofProtocol,
		"Connect-Timeout-Ms": ofProtocol, "Connect-Protocol-Version": ofProtocol,

		"Accept-Encoding": ofCompression, "Grpc-Accept-Encoding": ofCompression,
		"Connect-Accept-Encoding": ofCompression,

		"Te": ofConnection, "Connection": ofConnection, "Content-Length": ofConnection,
		"Host": ofConnection, "Keep-Alive": ofConnection, "Upgrade": ofConnection,
		"Expect": ofConnection,
	} {
		name, of := useOf(header)
		if of != want {
			t.Errorf("%s: use %d, want %d", header, of, want)
		}
		if (of == ofMethod || of == ofBoth) && name != strings.ToLower(header) {
			t.Errorf("%s: the method sees %q", header, name)
		}
		if hop := isHop(strings.ToLower(header)); hop == (of == ofMethod || of == ofBoth) {
			t.Errorf("%s: use %d although isHop is %t", header, of, hop)
		}
	}
}

// TestTakeTimeout checks which timeouts are taken from a protocol, which rejects or ignores the
// others.
func TestTakeTimeout(t *testing.T) {
	for _, test := range []struct {
		method, contentType, grpc, connect string
		want                               time.Duration // negative if it is left
		left                               string
	}{
		{"POST", "application/proto", "", "20", 20 * time.Millisecond, ""},
		{"POST", "application/json", "7S", "0", 0, "7S"},
		{"POST", "application/connect+json", "", "9999999999", 1e10*time.Millisecond - 1e6, ""},
		{"GET", "", "", "20", 20 * time.Millisecond, ""},
		{"GET", "application/grpc", "7S", "20", 20 * time.Millisecond, "7S"},
		{"POST", "application/grpc", "20m", "1", 20 * time.Millisecond, "1"},
		{"POST", "application/grpc-web+proto", "99999999n", "", 99999999, ""},
		{"POST", "application/grpc", "3u", "", 3 * time.Microsecond, ""},
		{"POST", "application/grpc", "3S", "", 3 * time.Second, ""},
		{"POST", "application/grpc", "3M", "", 3 * time.Minute, ""},

		{"POST", "application/proto", "", "", -1, ""},
		{"POST", "application/proto", "", "-1", -1, "-1"},
		{"POST", "application/proto", "", "+1", -1, "+1"},
		{"POST", "application/proto", "", "1 ", -1, "1 "},
		{"POST", "application/proto", "", "12345678901", -1, "12345678901"},
		{"POST", "text/plain", "", "20", -1, "20"},
		{"POST", "", "", "20", -1, "20"},
		{"POST", "application/grpc", "", "", -1, ""},
		{"POST", "application/grpc", "m", "", -1, "m"},
		{"POST", "application/grpc", "20", "", -1, "20"},
		{"POST", "application/grpc", "100000000m", "", -1, "100000000m"},
		{"POST", "application/grpc", "99999999H", "", -1, "99999999H"},
		{"POST", "application/grpc", "-1m", "", -1, "-1m"},
	} {
		header := make(http.Header)
		for name, value := range map[string]string{
			"Content-Type": test.contentType, "Grpc-Timeout": test.grpc,
			"Connect-Timeout-Ms": test.connect,
		} {
			if value != "" {
				header.Set(name, value)
			}
		}
		got, ok := takeTimeout(header, test.method)
		if ok != (test.want >= 0) || ok && got != test.want {
			t.Errorf("%+v: got %v, %t", test, got, ok)
		}
		left := header.Get("Grpc-Timeout") + header.Get("Connect-Timeout-Ms")
		if left != test.left {
			t.Errorf("%+v: %q is left", test, left)
		}
	}
}
