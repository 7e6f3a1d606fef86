package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// counting is echo, and counts the calls that reach a method.
func counting(calls *atomic.Int64) echotest.Funcs {
	return echotest.Behaving(func(context.Context) error {
		calls.Add(1)
		return nil
	})
}

const one = "/test.v1.Echo/One"

// zipped returns data in the format of gzip.
func zipped(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(data)
	_ = w.Close()
	return buf.Bytes()
}

// envelope returns a message in the framing of streams.
func envelope(flags byte, size int, data []byte) string {
	prefix := binary.BigEndian.AppendUint32([]byte{flags}, uint32(size))
	return string(prefix) + string(data)
}

// TestBadRequests sends requests that no client of a protocol would. Each gets the error of its
// protocol, no method is called, and the server lives on.
func TestBadRequests(t *testing.T) {
	var calls atomic.Int64
	r := serve(t, counting(&calls), config{
		table: echotest.Table, // without side effects: no GET
		web:   []web.Option{web.WithMaxRequestBytes(1 << 10), web.WithOrigins("https://ok.example")},
	})
	bomb := zipped(make([]byte, 1<<20))
	big := strings.Repeat("x", 2<<10)
	const json, proto, grpcWeb = "application/json", "application/proto", "application/grpc-web+proto"
	for name, test := range map[string]struct {
		method, path, contentType, body string
		headers                         []string
		status                          int
		want                            string // in the body, or in the trailers of gRPC-Web
	}{
		"malformed JSON":        {contentType: json, body: `{"a`, status: 400, want: `"code":"invalid_argument","message":"the request is not valid JSON`},
		"JSON of another type":  {contentType: json, body: `7`, status: 400, want: "INVALID_REQUEST"},
		"empty JSON":            {contentType: json, body: ``, status: 400, want: "invalid_argument"},
		"JSON of another kind":  {contentType: json + "; charset=latin1", body: `"a"`, status: 415},
		"deep JSON":             {path: "/grpc.health.v1.Health/Check", contentType: json, body: `{"x":` + strings.Repeat("[", 500), status: 400, want: "invalid_argument"},
		"malformed binary":      {contentType: proto, body: "\xff\xff", status: 500, want: `"code":"internal"`},
		"text":                  {contentType: "text/plain", body: `"a"`, status: 415},
		"form":                  {contentType: "application/x-www-form-urlencoded", body: `a=b`, status: 415},
		"multipart":             {contentType: "multipart/form-data; boundary=x", body: `--x--`, status: 415},
		"no type":               {contentType: "", body: `"a"`, status: 415},
		"grpc-web-text":         {contentType: "application/grpc-web-text", body: "AAAAAAA=", status: 415},
		"stream type for unary": {contentType: "application/connect+json", body: envelope(0, 3, []byte(`"a"`)), status: 415},
		"PUT":                   {method: http.MethodPut, contentType: json, body: `"a"`, status: 405},
		"GET of effects":        {method: http.MethodGet, path: one + "?encoding=json&message=%22a%22", status: 405},
		"GET without a message": {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?encoding=json", status: 400, want: "invalid_argument"},
		"GET of no encoding":    {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?message=%7B%7D", status: 415},
		"GET of bad base64":     {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?encoding=proto&base64=1&message=%21", status: 400, want: "the parameter message is not in base64"},
		"GET of bad gzip":       {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?encoding=proto&base64=1&compression=gzip&message=AAAA", status: 400, want: "the parameter message is not in the format of gzip"},
		"GET of cut gzip":       {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?encoding=proto&base64=1&compression=gzip&message=H4sIAAAAAAAA_w", status: 400, want: "the parameter message is not in the format of gzip"},
		"GET of both":           {method: http.MethodGet, path: "/grpc.health.v1.Health/Check?encoding=proto&base64=1&compression=gzip&message=%21", status: 400, want: "the parameter message is not in base64"},
		"too large":             {contentType: json, body: `"` + big + `"`, status: 429, want: "REQUEST_TOO_LARGE"},
		"too large, streamed":   {path: "/test.v1.Echo/Many", contentType: "application/connect+proto", body: envelope(0, len(big), []byte(big)), status: 200, want: "REQUEST_TOO_LARGE"},
		"a claim of 4 GiB":      {path: "/test.v1.Echo/Many", contentType: grpcWeb, body: envelope(0, 1<<32-1, []byte("x")), status: 200, want: "8"},
		"bomb":                  {contentType: proto, body: string(bomb), headers: []string{"Content-Encoding", "gzip"}, status: 429, want: "REQUEST_TOO_LARGE"},
		"bomb in an envelope":   {contentType: grpcWeb, body: envelope(1, len(bomb), bomb), headers: []string{"Grpc-Encoding", "gzip"}, status: 200, want: "8"},
		"corrupt gzip":          {contentType: proto, body: "no gzip", headers: []string{"Content-Encoding", "gzip"}, status: 500, want: `"code":"internal"`},
		"compressed unasked":    {contentType: grpcWeb, body: envelope(1, 3, []byte("abc")), status: 200, want: "13"},
		"unknown compression":   {contentType: proto, headers: []string{"Content-Encoding", "br"}, status: 501, want: `"code":"unimplemented"`},
		"unknown flags":         {contentType: grpcWeb, body: envelope(0x40, 1, []byte("a")), status: 200, want: "13"},
		"cut envelope":          {contentType: grpcWeb, body: envelope(0, 9, []byte("a")), status: 200, want: "13"},
		"cut prefix":            {contentType: grpcWeb, body: "\x00\x00", status: 200, want: "13"},
		"no message":            {contentType: grpcWeb, status: 200, want: "12"},
		"two messages":          {contentType: grpcWeb, body: envelope(0, 0, nil) + envelope(0, 0, nil), status: 200, want: "12"},
		"bad timeout":           {contentType: json, body: `"a"`, headers: []string{"Connect-Timeout-Ms", "soon"}, status: 400, want: `"code":"invalid_argument"`},
		"negative timeout":      {contentType: json, body: `"a"`, headers: []string{"Connect-Timeout-Ms", "-1"}, status: 400, want: `"code":"invalid_argument"`},
		"bad binary header":     {contentType: json, body: `"a"`, headers: []string{"Key-Bin", "!"}, status: 500, want: `"code":"internal"`},
		"unknown method":        {path: "/test.v1.Echo/None", contentType: json, body: `{}`, status: 404, want: "METHOD_UNIMPLEMENTED"},
		"unknown service":       {path: "/none.v1.None/None", contentType: grpcWeb, status: 200, want: "12"},
		"no method":             {path: "/", contentType: json, body: `{}`, status: 404, want: "unimplemented"},
		"a file":                {method: http.MethodGet, path: "/index.html", status: 404},
		"path with dots":        {path: "/test.v1.Echo/../test.v1.Echo/One", contentType: json, body: `"a"`, status: 404, want: "unimplemented"},
		"two slashes":           {path: "//test.v1.Echo/One", contentType: json, body: `"a"`, status: 404, want: "unimplemented"},
		"bidi over HTTP/1.1":    {path: "/test.v1.Echo/Chat", contentType: grpcWeb, status: 505},
		"foreign page":          {contentType: json, body: `"a"`, headers: []string{"Origin", "https://evil.example"}, status: 403, want: "ORIGIN_NOT_ALLOWED"},
		"foreign page, simple":  {contentType: "text/plain", body: `"a"`, headers: []string{"Origin", "https://evil.example"}, status: 403, want: "ORIGIN_NOT_ALLOWED"},
		"sandboxed page":        {contentType: json, body: `"a"`, headers: []string{"Origin", "null"}, status: 403, want: "ORIGIN_NOT_ALLOWED"},
		"form of another site":  {contentType: "text/plain", body: `"a"`, headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, want: "ORIGIN_NOT_ALLOWED"},
		"foreign gRPC-Web":      {contentType: grpcWeb, headers: []string{"Origin", "https://evil.example"}, status: 200, want: "7"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodPost
			}
			if test.path == "" {
				test.path = one
			}
			req, err := http.NewRequestWithContext(echotest.Context(t), test.method, r.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = test.path // as it is
			if test.contentType != "" {
				req.Header.Set("Content-Type", test.contentType)
			}
			resp, body := r.do(t, req, test.headers...)
			if test.contentType == grpcWeb && resp.StatusCode == 200 {
				body = "grpc-status: " + resp.Header.Get("Grpc-Status") + body
				test.want = "grpc-status: " + test.want
			}
			if resp.StatusCode != test.status || !strings.Contains(strings.ReplaceAll(body, "\r\n", " "), test.want) {
				t.Errorf("%s %v %q, want %d and %q", resp.Status, resp.Header, body, test.status, test.want)
			}
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls reached a method", n)
	}
	r.alive(t)
}

// TestUnknownFieldsAreIgnored holds for JSON what holds for binary messages.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	r := serve(t, echo, config{})
	resp, body := r.post(t, "/grpc.health.v1.Health/Check", "application/json", `{"service": "test.v1.Echo", "later": {"a": [1]}}`)
	if resp.StatusCode != 200 || !strings.Contains(body, "SERVING") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// TestForeignPagesAreLogged checks that calls of pages that may not call are logged, like others
// that are rejected, and that a long origin is cut.
func TestForeignPagesAreLogged(t *testing.T) {
	log := new(echotest.Records)
	r := serve(t, echo, config{log: log})
	for _, path := range []string{one, "/test.v1.Echo/Other", "/page.html"} {
		_, body := r.post(t, path, "application/json", `"a"`,
			"Origin", "https://"+strings.Repeat("evil", 999))
		if len(body) > 1000 {
			t.Errorf("%s: a response of %d bytes", path, len(body))
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	records := log.Named(t, "rpc")
	if len(records) != 3 { // without a fallback, all paths are those of methods
		t.Errorf("%d records, want 3\n%s", len(records), log.Text())
	}
	for _, record := range records {
		if record["code"] != "PermissionDenied" ||
			!strings.Contains(fmt.Sprint(record["error"]), `"https://evil`) {
			t.Error(record)
		}
	}
}

// TestPreflight checks what browsers ask before they send a request of a page.
func TestPreflight(t *testing.T) {
	r := serve(t, echo, config{web: []web.Option{web.WithOrigins("https://ok.example"), web.WithCookies()}})
	ask := func(origin string) *http.Response {
		req, err := http.NewRequestWithContext(echotest.Context(t), http.MethodOptions, r.url+one, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := r.do(t, req, "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "connect-protocol-version,content-type,authorization")
		return resp
	}
	resp := ask("https://ok.example")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://ok.example", "Access-Control-Allow-Methods": "GET, POST",
		"Access-Control-Allow-Headers":     "connect-protocol-version,content-type,authorization",
		"Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "7200",
		"Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
	} {
		if got := resp.Header.Get(name); resp.StatusCode != 204 || got != want {
			t.Errorf("%s: %s is %q, want %q", resp.Status, name, got, want)
		}
	}
	for _, origin := range []string{"https://evil.example", "http://ok.example", "https://ok.example:444", "null", ""} {
		resp := ask(origin)
		if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != 403 || got != "" {
			t.Errorf("%q: %s, allowed %q", origin, resp.Status, got)
		}
	}
}

// TestPagesOfAllowedOrigins checks that such a page can read responses, their headers and errors.
func TestPagesOfAllowedOrigins(t *testing.T) {
	impl := echo
	impl.OneFunc = func(context.Context, *Text) (*Text, error) { return nil, runtime.ErrDraining }
	r := serve(t, impl, config{web: []web.Option{web.WithOrigins("https://ok.example")}})
	resp, body := r.post(t, one, "application/json", `"a"`, "Origin", "https://ok.example")
	exposed := resp.Header.Get("Access-Control-Expose-Headers")
	if resp.StatusCode != 503 || !strings.Contains(body, "SERVER_DRAINING") ||
		resp.Header.Get("Access-Control-Allow-Origin") != "https://ok.example" ||
		!strings.Contains(exposed, "Trailer-X-Request-Id") || resp.Header.Get("Vary") != "Origin" {
		t.Errorf("%s %v %s", resp.Status, resp.Header, body)
	}
	// A page of the address itself needs no option, and one of another may GET, but not read.
	for name, headers := range map[string][]string{
		"same":         {"Origin", "http://" + r.addr},
		"same by hint": {"Origin", "https://proxy.example", "Sec-Fetch-Site", "same-origin"},
		"no page":      nil,
	} {
		if resp, body := r.post(t, one, "application/json", `"a"`, headers...); resp.StatusCode != 503 {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	req, err := http.NewRequestWithContext(echotest.Context(t), http.MethodGet, r.url+one+"?encoding=json&message=%22a%22", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := r.do(t, req, "Origin", "https://evil.example"); resp.StatusCode != 503 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("GET of another page: %s %v", resp.Status, resp.Header)
	}
}

// raw sends bytes over TCP and returns the connection.
func (r *running) raw(t *testing.T, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answer reads a response of HTTP/1.
func answer(t *testing.T, conn net.Conn) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

// TestShapesOfHTTP sends what is not well-formed HTTP/1.1, or could be read as two requests by a
// proxy. Each is rejected, and the connection is closed.
func TestShapesOfHTTP(t *testing.T) {
	var calls atomic.Int64
	r := serve(t, counting(&calls), config{})
	const head = "POST " + one + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	const inner = "POST " + one + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n\"b\""
	for name, test := range map[string]struct {
		text   string
		status int
	}{
		"HTTP/1.0":                 {"POST " + one + " HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n\"a\"", 505},
		"two lengths":              {head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n\"a\" ", 400},
		"a list of lengths":        {head + "Content-Length: 3, 4\r\n\r\n\"a\" ", 400},
		"a length with a sign":     {head + "Content-Length: +3\r\n\r\n\"a\"", 400},
		"unknown encoding":         {head + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"two encodings":            {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501},
		"space before the colon":   {head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		"a bare CR":                {head + "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n\"a\"", 400},
		"a zero byte":              {head + "X: a\x00b\r\nContent-Length: 3\r\n\r\n\"a\"", 400},
		"no host":                  {"POST " + one + " HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400},
		"two hosts":                {head + "Host: y\r\nContent-Length: 0\r\n\r\n", 400},
		"chunk that is no number":  {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\"a\"\r\n0\r\n\r\n", 499},
		"chunk longer than it is":  {head + "Transfer-Encoding: chunked\r\n\r\n1\r\n\"a\"\r\n0\r\n\r\n", 499},
		"headers of 1 MiB":         {head + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		"request line of 1 MiB":    {"GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		"100,000 headers":          {head + strings.Repeat("a: b\r\n", 100_000) + "\r\n", 431},
		"no HTTP":                  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + strings.Repeat("x", 30) + "\r\n\r\n", 400},
		"unknown version":          {"POST / HTTP/3.7\r\nHost: x\r\n\r\n", 505},
		"length and chunks, inner": {fmt.Sprintf("%sContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", head, 5+len(inner), inner), 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			go func() { _, _ = io.WriteString(conn, test.text) }() // the server may close before it has read all
			resp, body := answer(t, conn)
			if resp.StatusCode != test.status {
				t.Errorf("%s %q, want %d", resp.Status, body, test.status)
			}
			if !resp.Close && resp.StatusCode != 499 {
				t.Errorf("%s: the connection stays open", resp.Status)
			}
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls reached a method", n)
	}
	r.alive(t)
}

// TestSlowBodies checks that a request must arrive within the deadline of its call, whoever sets
// it, for each kind of framing.
func TestSlowBodies(t *testing.T) {
	var calls atomic.Int64
	r := serve(t, counting(&calls), config{options: []server.Option{server.WithDefaultTimeout(50 * time.Millisecond)}})
	for name, test := range map[string]struct{ path, headers, body, want string }{
		"unary":                   {one, "Content-Type: application/json\r\n", `"a`, `"code":"deadline_exceeded"`},
		"unary, nothing":          {one, "Content-Type: application/json\r\n", ``, `"code":"deadline_exceeded"`},
		"unary of gRPC-Web":       {one, "Content-Type: application/grpc-web\r\n", "\x00\x00", "Grpc-Status: 4"},
		"its deadline":            {one, "Content-Type: application/json\r\nConnect-Timeout-Ms: 20\r\n", `"`, `"code":"deadline_exceeded"`},
		"server stream":           {"/test.v1.Echo/Many", "Content-Type: application/connect+json\r\nConnect-Timeout-Ms: 20\r\n", "\x00", `"code":"deadline_exceeded"`},
		"client stream":           {"/test.v1.Echo/Join", "Content-Type: application/connect+json\r\nConnect-Timeout-Ms: 20\r\n", envelope(0, 3, []byte(`"a"`)), `"code":"deadline_exceeded"`},
		"client stream, gRPC-Web": {"/test.v1.Echo/Join", "Content-Type: application/grpc-web\r\nGrpc-Timeout: 20m\r\n", "\x00", "4"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.raw(t, "POST "+test.path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"+test.headers+"\r\n"+test.body)
			resp, body := answer(t, conn)
			var text bytes.Buffer
			_ = resp.Header.Write(&text)
			if got := text.String() + body; !strings.Contains(got, test.want) {
				t.Errorf("%s %q, want %q", resp.Status, got, test.want)
			}
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls reached a method", n)
	}
	r.alive(t)
}

// TestHalfClosed checks clients that close their side: before the end of a request, the call is
// canceled; after it, they receive the response.
func TestHalfClosed(t *testing.T) {
	var calls atomic.Int64
	log := new(echotest.Records)
	r := serve(t, counting(&calls), config{log: log})
	head := func(path, kind string, length int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, kind, length)
	}
	for name, text := range map[string]string{
		"unary":         head(one, "application/json", 9) + `"a`,
		"server stream": head("/test.v1.Echo/Many", "application/connect+json", 8) + "\x00\x00",
		"client stream": head("/test.v1.Echo/Join", "application/connect+json", 99) + envelope(0, 3, []byte(`"a"`)),
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.raw(t, text)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(conn)
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls reached a method", n)
	}
	conn := r.raw(t, head(one, "application/json", 3)+`"a"`)
	resp, body := answer(t, conn)
	if resp.StatusCode != 200 {
		t.Errorf("%s %s", resp.Status, body)
	}
	r.alive(t)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	canceled := 0
	for _, record := range log.Named(t, "rpc") {
		if record["code"] == "Canceled" {
			canceled++
		}
	}
	if canceled != 3 {
		t.Errorf("%d calls are logged as canceled, want 3\n%s", canceled, log.Text())
	}
}
