package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	libraryv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestTheProgram calls the program, which calls another server, and checks what a scrape, the admin
// page and a collector show of that.
func TestTheProgram(t *testing.T) {
	spans := startCollector(t)
	env := map[string]string{"ADDR": free(t), "ADMIN_ADDR": free(t), "CATALOGUE": startCatalogue(t)}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		err := run(ctx, func(name string) string { return env[name] })
		if ctx.Err() == nil {
			t.Errorf("run returns early: %v", err)
		}
		stopped <- err
	}()
	conn, err := grpc.NewClient(env["ADDR"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	within, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	book, err := libraryv1service.NewBookServiceClient(conn).GetBook(client.WithCallOptions(within, grpc.WaitForReady(true)), &libraryv1.GetBookRequest{Isbn: "x"})
	if err != nil || book.GetBook().GetIsbn() != "x" {
		t.Errorf("the call returns %v, %v", book, err)
	}
	for path, want := range map[string]string{
		"/metrics": `grpc_server_handled_total{grpc_code="OK",grpc_method="GetBook"`,
		"/readyz":  "ok",
		"/":        "library.v1.BookService",
	} {
		if text := get(t, "http://"+env["ADMIN_ADDR"]+path); !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", path, want, text)
		}
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := spans(); got["SPAN_KIND_SERVER"] != 1 || got["SPAN_KIND_CLIENT"] != 1 {
		t.Errorf("the collector has %v spans of GetBook, want one of the server and one of its client", got)
	}
}

// collector counts spans by kind.
type collector struct {
	coltracepb.UnimplementedTraceServiceServer
	mu    sync.Mutex
	kinds map[string]int
}

// Export implements the service of collectors.
func (c *collector) Export(_ context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				if strings.HasSuffix(span.GetName(), "GetBook") {
					c.kinds[span.GetKind().String()]++
				}
			}
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// startCollector starts a collector, and returns what counts its spans.
func startCollector(t *testing.T) func() map[string]int {
	t.Helper()
	c := &collector{kinds: make(map[string]int)}
	srv := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(srv, c)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+serve(t, srv.Serve, srv.Stop))
	return func() map[string]int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.kinds
	}
}

// catalogue returns a book of any name.
type catalogue struct {
	libraryv1service.UnimplementedBookService
}

// GetBook returns a book.
func (catalogue) GetBook(_ context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	return &libraryv1.GetBookResponse{Book: &libraryv1.Book{Isbn: req.GetIsbn()}}, nil
}

// startCatalogue starts the server that the program calls, and returns its address.
func startCatalogue(t *testing.T) string {
	t.Helper()
	own := grpc.NewServer()
	libraryv1service.RegisterBookService(server.On(own), catalogue{})
	return serve(t, own.Serve, own.Stop)
}

// serve serves on a free port until the test ends, and returns the address.
func serve(t *testing.T, serve func(net.Listener) error, stop func()) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = serve(lis) }()
	t.Cleanup(func() { stop(); <-served })
	return lis.Addr().String()
}

// free returns an address that was free a moment ago.
func free(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// get returns the content at a URL.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
	return string(text)
}
