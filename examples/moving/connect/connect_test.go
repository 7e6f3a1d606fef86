// Package connect_test checks that callers with connect-go see the same service before and after
// the move.
package connect_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/grpcservice/grpcservice/examples/moving/connect/after"
	"github.com/grpcservice/grpcservice/examples/moving/connect/before"
	libraryv1 "github.com/grpcservice/grpcservice/examples/moving/gen/library/v1"
	"github.com/grpcservice/grpcservice/examples/moving/gen/library/v1/libraryv1connect"
	"github.com/grpcservice/grpcservice/examples/moving/library"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// sites are the ways to serve the same service. Each returns its URL.
var sites = map[string]func(t *testing.T) string{
	"before": func(t *testing.T) string {
		srv := httptest.NewUnstartedServer(before.New(library.New(), slog.New(slog.DiscardHandler)))
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetHTTP1(true)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		srv.Start()
		t.Cleanup(srv.Close)
		return srv.URL
	},
	"after": func(t *testing.T) string {
		srv := after.New(library.New(), slog.New(slog.DiscardHandler), server.WithDrainDelay(0), server.WithPolicy([]byte(manyCalls)))
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ctx, lis) }()
		t.Cleanup(func() {
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
		return "http://" + lis.Addr().String()
	},
}

// manyCalls is a policy for the test, which calls more often than the service allows.
const manyCalls = `{"library.v1.BookService/GetBook": {"rate": [{"perSecond": 0}]}}`

// TestCallersSeeNoDifference calls each service in each protocol of connect-go.
func TestCallersSeeNoDifference(t *testing.T) {
	for name, start := range sites {
		t.Run(name, func(t *testing.T) {
			url := start(t)
			for protocol, options := range map[string][]connect.ClientOption{
				"Connect":  nil,
				"JSON":     {connect.WithProtoJSON()},
				"GET":      {connect.WithHTTPGet()},
				"gRPC-Web": {connect.WithGRPCWeb()},
				"gRPC":     {connect.WithGRPC()},
			} {
				t.Run(protocol, func(t *testing.T) {
					client := libraryv1connect.NewBookServiceClient(h2c(), url, options...)
					checkUnary(t, client)
					checkStreams(t, client)
				})
			}
		})
	}
}

func checkUnary(t *testing.T, books libraryv1connect.BookServiceClient) {
	t.Helper()
	for _, test := range []struct {
		token, isbn string
		code        connect.Code // 0 is no error
	}{
		{"reader", "1", 0},
		{"reader", "3", connect.CodeNotFound},
		{"reader", "panic", connect.CodeInternal},
		{"", "1", connect.CodeUnauthenticated},
		{"stranger", "1", connect.CodePermissionDenied},
	} {
		req := connect.NewRequest(&libraryv1.GetBookRequest{Isbn: test.isbn})
		if test.token != "" {
			req.Header().Set("Authorization", "Bearer "+test.token)
		}
		resp, err := books.GetBook(t.Context(), req)
		switch {
		case test.code == 0 && (err != nil || resp.Msg.GetBook().GetTitle() != "One"):
			t.Errorf("got %v, %v", resp, err)
		case test.code != 0 && (connect.CodeOf(err) != test.code || strings.Contains(err.Error(), "burns")):
			t.Errorf("token %q, book %s: got %v, want %v", test.token, test.isbn, err, test.code)
		}
	}
}

func checkStreams(t *testing.T, books libraryv1connect.BookServiceClient) {
	t.Helper()
	req := connect.NewRequest(&libraryv1.ListBooksRequest{})
	req.Header().Set("Authorization", "Bearer reader")
	list, err := books.ListBooks(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for list.Receive() {
		count++
	}
	if err := errors.Join(list.Err(), list.Close()); err != nil || count < 2 {
		t.Errorf("ListBooks: %d books, %v", count, err)
	}
	add := books.AddBooks(t.Context())
	add.RequestHeader().Set("Authorization", "Bearer reader")
	for range 3 {
		if err := add.Send(&libraryv1.AddBooksRequest{Book: &libraryv1.Book{}}); err != nil {
			t.Fatal(err)
		}
	}
	if added, err := add.CloseAndReceive(); err != nil || added.Msg.GetAdded() != 3 {
		t.Errorf("AddBooks: got %v, %v", added, err)
	}
	find := books.FindBooks(t.Context())
	find.RequestHeader().Set("Authorization", "Bearer reader")
	if err := find.Send(&libraryv1.FindBooksRequest{Title: "Two"}); err != nil {
		t.Fatal(err)
	}
	if found, err := find.Receive(); err != nil || found.GetBook().GetIsbn() != "2" {
		t.Errorf("FindBooks: got %v, %v", found, err)
	}
	if err := find.CloseRequest(); err != nil {
		t.Error(err)
	}
	if _, err := find.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("FindBooks ends with %v", err)
	}
	if err := find.CloseResponse(); err != nil {
		t.Error(err)
	}
}

// h2c returns a client for HTTP/2 without TLS, which streams in both directions need.
func h2c() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}
