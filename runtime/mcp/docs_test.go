package mcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/internal/e2e/gen/library/v1/libraryv1service"
	"github.com/grpcservice/grpcservice/runtime/mcp"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// The functions below have the code of docs/mcp.md.

func serveBeside(ctx context.Context, tokens server.Authenticator, books libraryv1service.BookService) error {
	srv := server.New(mcp.Serve(":8090"), server.WithAuthenticator(tokens))
	libraryv1service.RegisterBookService(srv, books)
	err := srv.Run(ctx, ":8080") // gRPC on 8080; tools on 8090, for example at http://localhost:8090/mcp
	return err
}

func serveOnMux(srv *server.Server, mux *http.ServeMux) error {
	tools, err := mcp.New(srv)
	if err != nil {
		return err
	}
	mux.Handle("/mcp", tools)
	return nil
}

func serveStdio(ctx context.Context, srv *server.Server) error {
	tools, err := mcp.New(srv, mcp.WithMetadata(metadata.Pairs("authorization", "Bearer "+os.Getenv("TOKEN"))))
	if err != nil {
		return err
	}
	return tools.ServeStdio(ctx) // logs go to standard error
}

var _ = serveBeside // its ports may be taken

// TestCodeOfThePage checks that the Go code of docs/mcp.md is that of this file.
func TestCodeOfThePage(t *testing.T) {
	file, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for i, block := range strings.Split(string(page), "```") {
		code, isGo := strings.CutPrefix(block, "go\n")
		if i%2 == 0 || !isGo {
			continue
		}
		blocks++
		code = "\t" + strings.ReplaceAll(strings.TrimSpace(code), "\n", "\n\t")
		if !strings.Contains(string(file), code) {
			t.Errorf("this file lacks the code of the page\n%s", code)
		}
	}
	if blocks != 3 {
		t.Errorf("the page has %d blocks, want 3", blocks)
	}
}

// TestMux serves the tools on a path of an HTTP server.
func TestMux(t *testing.T) {
	f := start(t)
	mux := http.NewServeMux()
	if err := serveOnMux(f.srv, mux); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(mux)
	defer web.Close()
	f.url = web.URL + "/mcp"
	wantJSON(t, call(t, f.agent(t, reader), "list_books", `{"page_token": "5"}`), `{"books": [], "next_page_token": ""}`)
	f.url = web.URL + "/other"
	if status, _, _ := f.post(t, echoing(`{}`)); status != http.StatusNotFound {
		t.Errorf("the response is %d, want 404", status)
	}
}
