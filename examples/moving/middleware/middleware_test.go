// Package middleware_test checks that callers see the same service before and after the move, and
// on the way.
package middleware_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1servicegogrpc"
	"github.com/grpcservice/grpcservice/examples/moving/library"
	"github.com/grpcservice/grpcservice/examples/moving/middleware/after"
	"github.com/grpcservice/grpcservice/examples/moving/middleware/before"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// site is a service that runs.
type site struct {
	addr    string
	log     *strings.Builder // read after stop
	metrics func() string
	stop    func()
}

// sites are the ways to serve the same service.
var sites = map[string]func(t *testing.T) site{
	"before": func(t *testing.T) site {
		log, registry := new(strings.Builder), prometheus.NewRegistry()
		srv := before.New(library.New(), slog.New(slog.NewTextHandler(log, nil)), registry)
		lis := listen(t)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(lis) }()
		return site{lis.Addr().String(), log, scrape(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP), func() {
			srv.GracefulStop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		}}
	},
	"one method moved": func(t *testing.T) site {
		old := libraryv1servicegogrpc.BookServiceFromServer(&before.Books{Library: library.New()})
		return serve(t, halfway{old, &after.Books{Library: library.New()}})
	},
	"after": func(t *testing.T) site { return serve(t, after.Service(library.New())) },
}

// halfway has GetBook moved, and the other methods as they were.
type halfway struct {
	libraryv1service.BookService
	moved *after.Books
}

func (h halfway) GetBook(ctx context.Context, req *libraryv1.GetBookRequest) (*libraryv1.GetBookResponse, error) {
	return h.moved.GetBook(ctx, req)
}

func serve(t *testing.T, books libraryv1service.BookService) site {
	log, metrics := new(strings.Builder), grpcprom.New()
	srv := after.New(books, slog.New(server.NewJSONHandler(log, nil)), metrics, server.WithDrainDelay(0))
	lis := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	return site{lis.Addr().String(), log, scrape(metrics.Handler().ServeHTTP), func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}}
}

// TestCallersSeeNoDifference calls each service as a client of protoc-gen-go-grpc does.
func TestCallersSeeNoDifference(t *testing.T) {
	for name, start := range sites {
		t.Run(name, func(t *testing.T) {
			site := start(t)
			conn, err := grpc.NewClient(site.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			checkCalls(t, libraryv1.NewBookServiceClient(conn))
			health, err := healthgrpc.NewHealthClient(conn).Check(t.Context(), &healthgrpc.HealthCheckRequest{})
			if err != nil || health.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
				t.Errorf("health without a token: %v, %v", health, err)
			}
			metrics := site.metrics()
			for _, want := range []string{
				`grpc_server_handled_total{grpc_code="NotFound",grpc_method="GetBook",grpc_service="library.v1.BookService",grpc_type="unary"} 1`,
				`grpc_server_handled_total{grpc_code="Internal",grpc_method="GetBook",grpc_service="library.v1.BookService",grpc_type="unary"} 1`,
				`grpc_server_msg_sent_total{grpc_method="FindBooks",grpc_service="library.v1.BookService",grpc_type="bidi_stream"} 1`,
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("the metrics have no line %s", want)
				}
			}
			conn.Close()
			site.stop()
			for _, want := range []string{"GetBook", "the library burns", "NotFound"} {
				if !strings.Contains(strings.ReplaceAll(site.log.String(), "NOT_FOUND", "NotFound"), want) {
					t.Errorf("the log has no %q:\n%s", want, site.log)
				}
			}
		})
	}
}

// checkCalls checks what a caller gets.
func checkCalls(t *testing.T, books libraryv1.BookServiceClient) {
	t.Helper()
	with := func(token string) context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		t.Cleanup(cancel)
		if token == "" {
			return ctx
		}
		return metadata.AppendToOutgoingContext(ctx, "authorization", "bearer "+token)
	}
	for _, test := range []struct {
		token, isbn string
		code        codes.Code
	}{
		{"reader", "1", codes.OK},
		{"reader", "3", codes.NotFound},
		{"reader", "panic", codes.Internal},
		{"reader", "wait", codes.DeadlineExceeded},
		{"", "1", codes.Unauthenticated},
		{"forged", "1", codes.Unauthenticated},
		{"stranger", "1", codes.PermissionDenied},
	} {
		_, err := books.GetBook(with(test.token), &libraryv1.GetBookRequest{Isbn: test.isbn})
		if status.Code(err) != test.code || strings.Contains(status.Convert(err).Message(), "burns") {
			t.Errorf("token %q, book %s: got %v, want %v", test.token, test.isbn, err, test.code)
		}
	}
	checkRate(t, books, with("reader"))
	checkStreams(t, books, with)
}

// checkRate checks that a burst is cut off.
func checkRate(t *testing.T, books libraryv1.BookServiceClient, ctx context.Context) {
	t.Helper()
	for range 100 {
		_, err := books.GetBook(ctx, &libraryv1.GetBookRequest{Isbn: "2"})
		if status.Code(err) == codes.ResourceExhausted {
			return
		}
	}
	t.Error("a hundred calls pass a rate of five a second")
}

func checkStreams(t *testing.T, books libraryv1.BookServiceClient, with func(token string) context.Context) {
	t.Helper()
	list, err := books.ListBooks(with("reader"), &libraryv1.ListBooksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for count := 0; ; count++ {
		if _, err := list.Recv(); err == io.EOF && count == 2 {
			break
		} else if err != nil {
			t.Fatalf("after %d books: %v", count, err)
		}
	}
	refused, err := books.ListBooks(with(""), &libraryv1.ListBooksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refused.Recv(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("ListBooks without a token: got %v", err)
	}
	add, err := books.AddBooks(with("reader"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := add.Send(&libraryv1.AddBooksRequest{Book: &libraryv1.Book{}}); err != nil {
			t.Fatal(err)
		}
	}
	if added, err := add.CloseAndRecv(); err != nil || added.GetAdded() != 3 {
		t.Errorf("AddBooks: got %v, %v", added, err)
	}
	find, err := books.FindBooks(with("reader"))
	if err != nil {
		t.Fatal(err)
	}
	if err := find.Send(&libraryv1.FindBooksRequest{Title: "Two"}); err != nil {
		t.Fatal(err)
	}
	if found, err := find.Recv(); err != nil || found.GetBook().GetIsbn() != "2" {
		t.Errorf("FindBooks: got %v, %v", found, err)
	}
	if err := find.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := find.Recv(); err != io.EOF {
		t.Errorf("FindBooks ends with %v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// scrape returns what a handler of metrics answers.
func scrape(handler http.HandlerFunc) func() string {
	return func() string {
		answer := httptest.NewRecorder()
		handler(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return answer.Body.String()
	}
}
