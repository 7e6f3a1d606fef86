package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	gateway "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	gatewayv1 "github.com/grpcservice/grpcservice/examples/rest/gen/gateway/library/v1"
	libraryv1 "github.com/grpcservice/grpcservice/examples/rest/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/rest/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// newGateway and newGatewayOf are the code of docs/moving.md.
func newGateway(ctx context.Context, addr string) (http.Handler, error) {
	mux := gateway.NewServeMux()
	dial := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	err := gatewayv1.RegisterBookServiceHandlerFromEndpoint(ctx, mux, addr, dial)
	return mux, err
}

func newGatewayOf(ctx context.Context, srv *server.Server) (http.Handler, error) {
	mux := gateway.NewServeMux()
	books := libraryv1.NewBookServiceClient(srv.Conn())
	err := gatewayv1.RegisterBookServiceHandlerClient(ctx, mux, books)
	return mux, err
}

// TestGatewayBeforeAndAfter compares what callers of the two gateways get.
func TestGatewayBeforeAndAfter(t *testing.T) {
	keys, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.WithAuthenticator(keys), server.WithDrainDelay(0))
	libraryv1service.RegisterBookService(srv, newBooks(&libraryv1.Book{Name: "shelves/1/books/1", Title: "One"}))
	lis := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	before, err := newGateway(ctx, lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	after, err := newGatewayOf(ctx, srv)
	if err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]int{
		"/v1/shelves/1/books/1": http.StatusOK,
		"/v1/shelves/1/books/9": http.StatusNotFound,
		"/v1/shelves":           http.StatusNotFound,
	} {
		had, has := get(t, before, path), get(t, after, path)
		if had.Code != code || has.Code != code {
			t.Errorf("%s: status %d before, %d after, want %d", path, had.Code, has.Code, code)
		}
		if diff := cmp.Diff(parsed(t, had.Body.String()), parsed(t, has.Body.String())); diff != "" {
			t.Errorf("%s (-before +after):\n%s", path, diff)
		}
	}
}

// get sends a request to a handler.
func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	req.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}
