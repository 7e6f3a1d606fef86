package web_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/web"
)

// TestServeAlone checks a server with one address for all protocols: with clients of grpc, health
// and reflection.
func TestServeAlone(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := server.New(web.ServeAlone(), server.WithDrainDelay(0), server.WithReflection())
	server.Register[echotest.Service](srv, echotest.Table, echo)
	addr := echotest.ListenAndServe(t, srv)
	conn := dial(t, addr)
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	health, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: echotest.Name})
	if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	reflection, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(echotest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := reflection.Send(ask); err != nil {
		t.Fatal(err)
	}
	list, err := reflection.Recv()
	if err != nil || len(list.GetListServicesResponse().GetService()) < 3 {
		t.Errorf("reflection: %v, %v", list, err)
	}
	if err := reflection.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := reflection.Recv(); err != io.EOF {
		t.Error(err)
	}
	r := &running{addr: addr, url: "http://" + addr}
	for _, p := range protocols {
		if got, err := kinds["One"](echotest.Context(t), r.clientOf(t, p)); err != nil && p.name != "Connect, GET" || err == nil && !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s: %q, %v", p.name, got, err)
		}
	}
	conn.Close()
}

// TestHandlerInAServerOfTheUser checks New, before and while the server serves.
func TestHandlerInAServerOfTheUser(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := server.New(server.WithDrainDelay(0))
	handler, err := web.New(srv)
	if err != nil {
		t.Fatal(err)
	}
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before := r.Header.Clone()
		handler.ServeHTTP(w, r)
		if !reflect.DeepEqual(r.Header, before) {
			t.Errorf("the handler has changed the header %v to %v", before, r.Header)
		}
	}))
	defer own.Close()
	r := &running{url: own.URL}
	if resp, _ := r.post(t, one, "application/json", `"a"`); resp.StatusCode != 404 {
		t.Errorf("before the registration: %s", resp.Status)
	}
	server.Register[echotest.Service](srv, echotest.Table, whoCalls)
	if resp, body := r.post(t, one, "application/json", `"a"`, "Accept-Encoding", "gzip"); resp.StatusCode != 200 || body != `"127.0.0.1"` {
		t.Errorf("%s %s", resp.Status, body)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestShutdownWaitsForAServerOfTheUser checks that a running call finishes, and a new one is
// rejected.
func TestShutdownWaitsForAServerOfTheUser(t *testing.T) {
	servicetest.NoLeaks(t)
	started, held := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	srv := server.New(server.WithDrainDelay(0), server.WithShutdownTimeout(time.Minute))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{OneFunc: func(ctx context.Context, req *Text) (*Text, error) {
		close(started)
		<-runtime.Draining(ctx)
		<-held
		return req, nil
	}})
	handler, err := web.New(srv)
	if err != nil {
		t.Fatal(err)
	}
	own := httptest.NewServer(handler)
	defer own.Close() // waits for the call
	defer release()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	r := &running{url: own.URL}
	first := make(chan string, 1)
	go func() {
		_, body := r.post(t, one, "application/json", `"a"`)
		first <- body
	}()
	echotest.Within(t, started)
	cancel()
	eventually(t, "a new call rejected", func() bool {
		_, body := r.post(t, "/test.v1.Echo/Many", "application/connect+json", envelope(0, 3, []byte(`"a"`)))
		return strings.Contains(body, "SERVER_DRAINING")
	})
	release()
	if body := echotest.Within(t, first); body != `"a"` {
		t.Errorf("the running call: %s", body)
	}
	if err := echotest.Within(t, served); err != nil {
		t.Error(err)
	}
}

// TestFallback checks other paths, and the guards around them.
func TestFallback(t *testing.T) {
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprintf(w, "%s %s %q", r.Method, r.URL.Path, body)
	})
	r := serve(t, echo, config{web: []web.Option{web.WithFallback(pages), web.WithMaxRequestBytes(10), web.WithOrigins("https://ok.example")}})
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
		want       string
	}{
		"other path":    {"/v1/books", "{}", nil, 200, `POST /v1/books "{}"`},
		"method":        {one, `"a"`, nil, 200, `"a"`},
		"no method":     {"/test.v1.Echo/None", `{}`, nil, 404, "METHOD_UNIMPLEMENTED"},
		"large":         {"/v1/books", "12345678901", nil, 413, ""},
		"foreign page":  {"/v1/books", "{}", []string{"Origin", "https://evil.example"}, 403, "ORIGIN_NOT_ALLOWED"},
		"allowed page":  {"/v1/books", "{}", []string{"Origin", "https://ok.example"}, 200, `POST /v1/books "{}"`},
		"another shape": {"/test.v1.Echoes", "{}", nil, 200, `POST /test.v1.Echoes "{}"`},
	} {
		resp, body := r.post(t, test.path, "application/json", test.body, test.headers...)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: %s %q", name, resp.Status, body)
		}
		if name == "allowed page" && resp.Header.Get("Access-Control-Allow-Origin") != "https://ok.example" {
			t.Errorf("%s: %v", name, resp.Header)
		}
	}
}

// TestMisuse checks that errors of options are those of Run, and of New.
func TestMisuse(t *testing.T) {
	for name, test := range map[string]struct {
		option server.Option
		want   string
	}{
		"no address":      {web.Serve(""), `web.Serve("")`},
		"bad address":     {web.Serve("nonsense"), "nonsense"},
		"bad origin":      {web.Serve(":0", web.WithOrigins("https://a.example/")), `web.WithOrigins("https://a.example/")`},
		"all and cookies": {web.Serve(":0", web.WithOrigins("*"), web.WithCookies()), "list the origins"},
		"no size":         {web.Serve(":0", web.WithMaxRequestBytes(0)), "web.WithMaxRequestBytes(0)"},
		"no TLS":          {web.Serve(":0", web.WithTLS(nil)), "web.WithTLS(nil)"},
		"no fallback":     {web.Serve(":0", web.WithFallback(nil)), "web.WithFallback(nil)"},
		"two alone":       {server.WithOptions(web.ServeAlone(), web.ServeAlone()), "one front or engine"},
	} {
		srv := server.New(test.option)
		if err := srv.Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := server.New(web.Serve(taken.Addr().String())).Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a taken address: %v", err)
	}
	if _, err := web.New(nil); err == nil {
		t.Error("no server is no error")
	}
	if _, err := web.New(server.New(), web.WithOrigins("x")); err == nil {
		t.Error("no error of New")
	}
	defer func() {
		if recover() == nil {
			t.Error("On accepts a front")
		}
	}()
	server.On(nil, web.Serve(":0"))
}

// TestCompression checks which responses are compressed.
func TestCompression(t *testing.T) {
	impl := echo
	long := strings.Repeat("x", 4<<10)
	impl.OneFunc = func(ctx context.Context, req *Text) (*Text, error) {
		if req.GetValue() == "secret" {
			server.CompressResponse(ctx, false)
		}
		return text(long), nil
	}
	for name, test := range map[string]struct {
		options []server.Option
		request string
		zipped  bool   // the request
		want    string // the content encoding
		large   bool   // the response is not compressed
	}{
		"by default":              {nil, "a", false, "", true},
		"to a compressed request": {nil, "a", true, "gzip", false},
		"accepted":                {[]server.Option{server.WithResponseCompression(server.CompressAccepted, 100)}, "a", false, "gzip", false},
		"small":                   {[]server.Option{server.WithResponseCompression(server.CompressAccepted, 1<<20)}, "a", false, "", true},
		"never":                   {[]server.Option{server.WithResponseCompression(server.CompressNever, 0)}, "a", true, "", true},
		"a secret":                {nil, "secret", true, "gzip", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, impl, config{options: test.options})
			body, headers := `"`+test.request+`"`, []string{"Accept-Encoding", "gzip, br"}
			if test.zipped {
				body, headers = string(zipped([]byte(body))), append(headers, "Content-Encoding", "gzip")
			}
			resp, got := r.post(t, one, "application/json", body, headers...)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != test.want || len(got) > 4<<10 != test.large {
				t.Errorf("%s %v, %d bytes", resp.Status, resp.Header, len(got))
			}
			if test.want != "" {
				reader, err := gzip.NewReader(strings.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(reader)
				if err != nil || string(plain) != `"`+long+`"` {
					t.Errorf("%d bytes, %v", len(plain), err)
				}
			}
		})
	}
}
