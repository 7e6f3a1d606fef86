package mcp_test

import (
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/mcp"
	"github.com/grpcservice/grpcservice/runtime/mcp/internal/gen/mcp/shelf/v1/shelfv1service"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// toolsOf returns the tools of a server that does not serve.
func toolsOf(t *testing.T, opts ...mcp.Option) *mcp.Tools {
	t.Helper()
	srv := server.New(server.WithAuthenticator(server.AuthenticateFunc(authenticate)))
	newShelf().register(srv)
	tools, err := mcp.New(srv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

// TestOneAgent serves an agent over a transport of the SDK, with the credentials of the program.
func TestOneAgent(t *testing.T) {
	servicetest.NoLeaks(t)
	tools := toolsOf(t, mcp.WithMetadata(metadata.Pairs("authorization", "Bearer "+reader)),
		mcp.WithImplementation("library", "1.2.3"), mcp.WithInstructions("Look for books."))
	ours, theirs := sdk.NewInMemoryTransports()
	served := make(chan error, 1)
	go func() { served <- tools.Serve(t.Context(), ours) }()
	agent, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if init := agent.InitializeResult(); init.ServerInfo.Name != "library" || init.Instructions != "Look for books." {
		t.Errorf("the server is %+v %q", init.ServerInfo, init.Instructions)
	}
	if result := call(t, agent, "get_book", `{"name": "books/1"}`); result.IsError {
		t.Errorf("the call fails: %s", textOf(result))
	}
	if err := agent.Close(); err != nil {
		t.Error(err)
	}
	if err := echotest.Within(t, served); err != nil {
		t.Errorf("Serve returns %v", err)
	}
}

// TestMisuse returns errors of New.
func TestMisuse(t *testing.T) {
	shelf := func(srv *server.Server) { newShelf().register(srv) }
	for _, c := range []struct {
		want     string
		register func(*server.Server)
		opts     []mcp.Option
	}{
		{"no RPC of the server is a tool", func(*server.Server) {}, nil},
		{`mcp.shelf.v1.ShelfService/ImportBooks starts operations, and the server does not serve google.longrunning.Operations`,
			func(srv *server.Server) { shelfv1service.RegisterShelfService(srv, newShelf()) }, nil},
		{`WithHeaders("content-type")`, shelf, []mcp.Option{mcp.WithHeaders("content-type")}},
		{`WithHeaders("x-bin")`, shelf, []mcp.Option{mcp.WithHeaders("x-bin")}},
		{`WithOrigins("chat.example.com")`, shelf, []mcp.Option{mcp.WithOrigins("chat.example.com")}},
		{`WithOrigins("*")`, shelf, []mcp.Option{mcp.WithOrigins("*")}},
		{`WithMaxMessages(0)`, shelf, []mcp.Option{mcp.WithMaxMessages(0)}},
		{`WithMaxStreamTime(-1ns)`, shelf, []mcp.Option{mcp.WithMaxStreamTime(-1)}},
	} {
		srv := server.New(server.WithAuthenticator(server.AuthenticateFunc(authenticate)))
		c.register(srv)
		if _, err := mcp.New(srv, c.opts...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
	for want, opt := range map[string]server.Option{
		`mcp.Serve("")`:                  mcp.Serve(""),
		"no RPC of the server is a tool": mcp.Serve("127.0.0.1:0"),
	} {
		err := server.New(opt).Run(t.Context(), "127.0.0.1:0")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returns %v, want %s", err, want)
		}
	}
}
