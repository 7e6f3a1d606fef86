package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestEndpoints(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "calls 1\n") })
	_, full := serve(t, runtime.Policy{}, []admin.Option{admin.WithMetrics(metrics), admin.WithProfiles()})
	_, small := serve(t, runtime.Policy{}, nil)
	for _, test := range []struct {
		page *admin.Page
		path string
		code int
		want string
	}{
		{full, "/", 200, "test.v1.Echo"},
		{full, "/livez", 200, "ok\n"},
		{full, "/readyz", 200, "ok\n"},
		{full, "/metrics", 200, "calls 1\n"},
		{full, "/debug/pprof/", 200, "goroutine"},
		{full, "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"},
		{full, "/method?name=/test.v1.Echo/One", 200, "test.v1.Echo/One"},
		{full, "/method?name=/test.v1.Echo/None", 404, `no server has a method "/test.v1.Echo/None"`},
		{full, "/method", 404, `no server has a method ""`},
		{full, "/other", 404, ""},
		{full, "/?refresh=5", 200, `<meta http-equiv="refresh" content="5">`},
		{small, "/metrics", 404, ""},
		{small, "/debug/pprof/", 404, ""},
		{small, "/debug/pprof/cmdline", 404, ""},
	} {
		resp, body := get(t, test.page, test.path)
		if resp.StatusCode != test.code || !strings.Contains(body, test.want) {
			t.Errorf("%s: %d\n%s", test.path, resp.StatusCode, body)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Cache-Control"} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%s: no header %s", test.path, name)
			}
		}
	}
	for _, refresh := range []string{"0", "-1", "301", "x", "1e1", `"><script>`} {
		if _, body := get(t, full, "/?refresh="+refresh); strings.Contains(body, `http-equiv="refresh"`) {
			t.Errorf("refresh=%s is used", refresh)
		}
	}
}

// TestWhoMayRead checks that only requests that no web site can cause are served.
func TestWhoMayRead(t *testing.T) {
	_, page := serve(t, runtime.Policy{}, []admin.Option{admin.WithHosts("Admin.example.com.")})
	addr := page.Addr().String()
	for _, test := range []struct {
		method  string
		headers []string
		want    int
	}{
		{"GET", nil, 200},
		{"HEAD", nil, 200},
		{"GET", []string{"Host", "localhost"}, 200},
		{"GET", []string{"Host", "LOCALHOST:9090"}, 200},
		{"GET", []string{"Host", "shop.localhost:9090"}, 200},
		{"GET", []string{"Host", "10.0.0.7:9090"}, 200},
		{"GET", []string{"Host", "[::1]:9090"}, 200},
		{"GET", []string{"Host", "[::1]"}, 200},
		{"GET", []string{"Host", "[fe80::1%25eth0]:9090"}, 200},
		{"GET", []string{"Host", "admin.example.com:9090"}, 200},
		{"GET", []string{"Host", "ADMIN.example.com."}, 200},
		{"GET", []string{"Host", "evil.example.com"}, 403},
		{"GET", []string{"Host", "evil.example.com:9090"}, 403},
		{"GET", []string{"Host", "localhost.evil.com"}, 403},
		{"GET", []string{"Host", "127.0.0.1.evil.com"}, 403},
		{"GET", []string{"Host", "x.admin.example.com"}, 403},
		{"GET", []string{"Origin", "http://" + addr}, 200},
		{"GET", []string{"Origin", "http://evil.example.com"}, 403},
		{"GET", []string{"Origin", "null"}, 403},
		{"GET", []string{"Origin", "http://" + addr + ".evil.com"}, 403},
		{"GET", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"GET", []string{"Sec-Fetch-Site", "none"}, 200},
		{"GET", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"GET", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"POST", nil, 405},
		{"PUT", nil, 405},
		{"DELETE", nil, 405},
		{"OPTIONS", nil, 405},
		{"POST", []string{"Host", "evil.example.com"}, 405},
	} {
		for _, path := range []string{"/", "/livez", "/readyz", "/method?name=/test.v1.Echo/One"} {
			if resp, body := request(t, test.method, page, path, test.headers...); resp.StatusCode != test.want {
				t.Errorf("%s %s with %q: %d, want %d: %s", test.method, path, test.headers, resp.StatusCode, test.want, body)
			}
		}
	}
	if _, body := get(t, page, "/", "Host", "evil.example.com"); !strings.Contains(body, `"evil.example.com"`) || !strings.Contains(body, "WithHosts") {
		t.Errorf("the error is %q", body)
	}
}

// TestFigures checks that the page has what calls did.
func TestFigures(t *testing.T) {
	policy := runtime.Policy{Timeout: 2 * time.Second, Rates: []runtime.Rate{{PerSecond: 1e-6, Burst: 7, Key: runtime.ByMethod}}}
	srv, page := serve(t, policy, nil)
	call(t, srv, 4)
	call(t, srv, 2, "fail", "fault")
	call(t, srv, 1, "fail", "<b>no</b>")
	call(t, srv, 3, "x-request-id", "id-<i>7")
	_, overview := get(t, page, "/")
	_, method := get(t, page, "/method?name=/test.v1.Echo/One")
	for name, want := range map[string]string{
		"the method":       `<a href="/method?name=%2ftest.v1.Echo%2fMany">Many</a>`,
		"the kind":         "server stream",
		"the errors":       ">60%<",
		"the refusal":      "rate of the method is used up",
		"the request ID":   "id-&lt;i&gt;7",
		"the reason":       "RATE_LIMITED",
		"the step":         ">rates<",
		"the fault":        ">Unknown<",
		"the public text":  ">unknown error<",
		"a metric":         "grpcservice_server_calls_limit",
		"a connection":     "Clients of the servers of this process",
		"the older":        "more are on the pages of their methods",
		"the runtime":      "Build",
		"the state":        `class="good">serving<`,
		"the client":       "passthrough:///memory",
		"the service":      `test.v1.Echo <span class="good">SERVING`,
		"the health check": "grpc.health.v1.Health",
	} {
		if !strings.Contains(overview, want) {
			t.Errorf("the overview does not have %s, %s", name, want)
		}
	}
	for name, want := range map[string]*regexp.Regexp{
		"the timeout":  regexp.MustCompile(`timeout\.default</th><td[^>]*>2s</td><td[^>]*>generated code`),
		"the message":  regexp.MustCompile(`&lt;b&gt;no&lt;/b&gt;`),
		"the total":    regexp.MustCompile(`>10, 6 failed<`),
		"the OK calls": regexp.MustCompile(`>OK</th><td class="n">4</td><td class="n">4<`),
		"the rejected": regexp.MustCompile(`>rates</th><td class="n">3<`),
	} {
		if !want.MatchString(method) {
			t.Errorf("the page of the method does not have %s: %s", name, method)
		}
	}
	if strings.Contains(overview, "the database is away") || strings.Contains(method, "the database is away") {
		t.Error("the page shows the cause of a fault")
	}
	if strings.Contains(method, "Echo/Many<") {
		t.Error("the page of a method shows failed calls of another")
	}
}

// TestFaultsStayListed checks that a flood of bad requests does not displace faults, and that the
// list is bounded.
func TestFaultsStayListed(t *testing.T) {
	srv, page := serve(t, runtime.Policy{}, nil)
	call(t, srv, 1, "fail", "fault", "x-request-id", "the-fault")
	call(t, srv, 150, "fail", strings.Repeat("long ", 1000))
	for range 150 {
		_ = srv.Conn.Invoke(echotest.Context(t), "/test.v1.Echo/Unknown", echotest.TenBytes, new(echotest.Text))
	}
	_, overview := get(t, page, "/")
	_, method := get(t, page, "/method?name=/test.v1.Echo/One")
	if !strings.Contains(overview, "the-fault") || !strings.Contains(method, "the-fault") {
		t.Error("the fault is not listed")
	}
	if n := strings.Count(overview, `class="warn"`); n != 10 {
		t.Errorf("the overview lists %d other failed calls", n)
	}
	if n := strings.Count(method, `class="warn"`); n > 100 || len(method) > 100<<10 {
		t.Errorf("the page of the method lists %d other failed calls in %d bytes", n, len(method))
	}
}

// TestReadiness follows /readyz through the life of a server.
func TestReadiness(t *testing.T) {
	running, release := make(chan struct{}), make(chan struct{})
	page := admin.New(admin.WithAddr("127.0.0.1:0"))
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error {
		close(running)
		<-release
		return nil
	}), server.WithObservers(page), server.WithCompanions(page))
	await(t, page)
	awaitServing(t, srv)
	if resp, body := get(t, page, "/readyz"); resp.StatusCode != 200 {
		t.Errorf("while the server serves: %d %s", resp.StatusCode, body)
	}
	srv.Health().SetServing("test.v1.Echo", false)
	if resp, body := get(t, page, "/readyz"); resp.StatusCode != 503 || body != "test.v1.Echo is NOT_SERVING\n" {
		t.Errorf("while a service does not serve: %d %s", resp.StatusCode, body)
	}
	srv.Health().SetServing("test.v1.Echo", true)
	go func() { _ = echotest.Kinds["One"](context.Background(), srv.Conn) }()
	echotest.Within(t, running)
	stopped := make(chan error, 1)
	go func() { stopped <- srv.Server.Shutdown(context.Background()) }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		resp, body := get(t, page, "/readyz")
		if resp.StatusCode == 503 && strings.HasPrefix(body, "the server is draining\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("while the server drains: %d %s", resp.StatusCode, body)
		}
	}
	if resp, body := get(t, page, "/"); resp.StatusCode != 200 || !strings.Contains(body, `class="bad">draining<`) {
		t.Errorf("while the server drains, the page is %d", resp.StatusCode)
	}
	if resp, _ := get(t, page, "/livez"); resp.StatusCode != 200 {
		t.Errorf("/livez is %d while the server drains", resp.StatusCode)
	}
	close(release)
	if err := echotest.Within(t, stopped); err != nil {
		t.Error(err)
	}
	if page.Addr() != nil {
		t.Error("the page listens after the server has stopped")
	}
}

// awaitServing waits until a server serves.
func awaitServing(t *testing.T, srv *echotest.Running) {
	t.Helper()
	for ctx := echotest.Context(t); srv.Status().State != server.StateServing; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the server does not serve")
		}
	}
}

// TestTakenAddress checks that a server whose page has no address does not serve.
func TestTakenAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	srv := server.New(server.WithCompanions(admin.New(admin.WithAddr(taken.Addr().String()))), server.WithDrainDelay(0))
	err = srv.Run(echotest.Context(t), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "cannot serve the admin page: ") || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("Run returned %v", err)
	}
}

// TestTwoServers checks that servers may share a page, which listens until the last of them stops.
func TestTwoServers(t *testing.T) {
	page := admin.New(admin.WithAddr("127.0.0.1:0"))
	var servers [2]*echotest.Running
	for i := range servers {
		servers[i] = echotest.Start(t, echotest.Behaving(func(context.Context) error { return nil }),
			server.WithObservers(page), server.WithCompanions(page))
		awaitServing(t, servers[i])
	}
	call(t, servers[0], 1)
	call(t, servers[1], 2)
	if _, body := get(t, page, "/"); strings.Count(body, `class="good">serving<`) != 2 {
		t.Errorf("the page does not show two servers: %s", body)
	}
	if _, body := get(t, page, "/method?name=/test.v1.Echo/One"); !strings.Contains(body, ">3, 0 failed<") {
		t.Errorf("the figures of two servers are not added: %s", body)
	}
	for i, srv := range servers {
		if page.Addr() == nil {
			t.Fatalf("the page is gone after %d servers", i)
		}
		if resp, body := get(t, page, "/readyz"); resp.StatusCode != 200 {
			t.Errorf("%d: %s", resp.StatusCode, body)
		}
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
	}
	if page.Addr() != nil {
		t.Error("the page listens after the last server has stopped")
	}
}

// TestOwnHTTPServer mounts the page on an HTTP server, for methods on a *grpc.Server.
func TestOwnHTTPServer(t *testing.T) {
	page := admin.New()
	if resp := serveHTTP(t, page, "/readyz"); resp.StatusCode != 503 {
		t.Errorf("/readyz without a server: %d", resp.StatusCode)
	}
	on := server.On(grpc.NewServer(), server.WithObservers(page))
	server.Register[echotest.Service](on, echotest.Table, echotest.Funcs{})
	page.Add(on)
	for _, path := range []string{"/readyz", "/", "/method?name=/test.v1.Echo/One"} {
		if resp := serveHTTP(t, page, path); resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func serveHTTP(t *testing.T, page *admin.Page, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := recorder{header: make(http.Header)}
	page.Handler().ServeHTTP(&rec, req)
	return &http.Response{StatusCode: rec.code}
}

type recorder struct {
	header http.Header
	code   int
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
}
func (r *recorder) Write(p []byte) (int, error) { r.WriteHeader(200); return len(p), nil }

// broken is a source that panics.
type broken struct{}

func (broken) Metrics() []*metric.Desc { return nil }
func (broken) Collect(metric.Report)   { panic("<u>source</u>") }

func TestBrokenSource(t *testing.T) {
	_, page := serve(t, runtime.Policy{}, []admin.Option{admin.WithSources(broken{})})
	if resp, body := get(t, page, "/"); resp.StatusCode != 200 || !strings.Contains(body, "&lt;u&gt;source") {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
}

func TestMistakes(t *testing.T) {
	for want, opt := range map[string]admin.Option{
		`admin: WithAddr("no port")`:            admin.WithAddr("no port"),
		"admin: WithMetrics(nil)":               admin.WithMetrics(nil),
		`admin: WithHosts("http://a.example")`:  admin.WithHosts("http://a.example"),
		`admin: WithHosts("")`:                  admin.WithHosts(""),
		"admin: WithSources: source 1 is nil":   admin.WithSources(nil),
		"admin: WithLogger(nil): pass a logger": admin.WithLogger(nil),
	} {
		_, err := admin.New(opt).Start(context.Background(), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestSlowReaders checks that clients that send or read nothing neither block others nor the end.
func TestSlowReaders(t *testing.T) {
	srv, page := serve(t, runtime.Policy{}, nil)
	addr := page.Addr().String()
	for range 60 { // 64 may connect at a time
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n") // without the end
	}
	reader, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for range 200 {
		fmt.Fprint(reader, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	if resp, body := get(t, page, "/livez"); resp.StatusCode != 200 {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	if err := srv.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, reader); err != nil && errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
