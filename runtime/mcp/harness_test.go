package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/mcp"
	shelfv1 "github.com/grpcservice/grpcservice/runtime/mcp/internal/gen/mcp/shelf/v1"
	"github.com/grpcservice/grpcservice/runtime/mcp/internal/gen/mcp/shelf/v1/shelfv1service"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// shelf implements the service of the tests.
type shelf struct {
	shelfv1service.UnimplementedShelfService
	ops     *operation.Manager
	created []*shelfv1.CreateBookRequest // of one call at a time
	started chan struct{}                // receives that a stream or a delay has started
	ended   chan error                   // receives why it ended
	step    chan int32                   // makes an import read so many books
	burnt   atomic.Int32
	listed  int // how many books a list has
	bytes   int // the size of each title
}

func (s *shelf) GetBook(_ context.Context, req *shelfv1.GetBookRequest) (*shelfv1.Book, error) {
	if req.GetName() != "books/1" {
		return nil, rpcerr.Reason("library.example.com/NO_BOOK").Errorf(codes.NotFound, "there is no book %q", req.GetName())
	}
	return &shelfv1.Book{Name: "books/1", Title: "Moby-Dick", Cover: shelfv1.Book_COVER_LINEN, CreateTime: timestamppb.New(time.Unix(0, 0))}, nil
}

func (s *shelf) CreateBook(_ context.Context, req *shelfv1.CreateBookRequest) (*shelfv1.Book, error) {
	s.created = append(s.created, req)
	return req.GetBook(), nil
}

func (s *shelf) UpdateBook(_ context.Context, req *shelfv1.UpdateBookRequest) (*shelfv1.Book, error) {
	return req.GetBook(), nil
}

func (s *shelf) ListBooks(_ context.Context, req *shelfv1.ListBooksRequest) (*shelfv1.ListBooksResponse, error) {
	size := int(req.GetPageSize())
	if size == 0 {
		size = 2
	}
	start := 0
	fmt.Sscan(req.GetPageToken(), &start)
	resp := &shelfv1.ListBooksResponse{}
	for i := start; i < min(start+size, s.listed); i++ {
		resp.Books = append(resp.Books, &shelfv1.Book{Name: fmt.Sprint("books/", i), Title: strings.Repeat("x", s.bytes)})
	}
	if start+size < s.listed {
		resp.NextPageToken = fmt.Sprint(start + size)
	}
	return resp, nil
}

func (s *shelf) WatchBooks(ctx context.Context, req *shelfv1.WatchBooksRequest) runtime.Stream[shelfv1.WatchBooksResponse] {
	return func(yield func(*shelfv1.WatchBooksResponse, error) bool) {
		text := strings.Repeat("x", int(req.GetSize()))
		for i := range req.GetEvents() {
			if !yield(&shelfv1.WatchBooksResponse{Number: int64(i), Text: text}, nil) {
				break
			}
		}
		if req.GetStaysOpen() {
			s.started <- struct{}{}
			<-ctx.Done()
			s.ended <- ctx.Err()
		}
		if req.GetFails() {
			yield(nil, rpcerr.Reason("library.example.com/TORN").Errorf(codes.DataLoss, "a page is torn"))
		}
	}
}

func (s *shelf) ImportBooks(ctx context.Context, req *shelfv1.ImportBooksRequest) (*longrunningpb.Operation, error) {
	return shelfv1service.ShelfServiceImportBooks.Start(ctx, s.ops, req)
}

// work imports books: as many as each step says, until one is negative.
func (s *shelf) work(
	ctx context.Context, run *operation.Run[shelfv1.ImportBooksRequest, shelfv1.ImportBooksMetadata],
) (*shelfv1.ImportBooksResponse, error) {
	var books int32
	for {
		select {
		case <-ctx.Done():
			s.ended <- ctx.Err()
			return nil, ctx.Err()
		case n := <-s.step:
			if n == 0 {
				return nil, rpcerr.Reason("library.example.com/NO_SOURCE").Errorf(codes.FailedPrecondition, "there is no source")
			}
			if n < 0 {
				return &shelfv1.ImportBooksResponse{Books: books}, nil
			}
			books += n
			if err := run.Save(ctx, books, func(m *shelfv1.ImportBooksMetadata) { m.Read = books }); err != nil {
				s.ended <- ctx.Err() // a cancellation can come while the step is saved
				return nil, err
			}
		}
	}
}

// proceed lets the work do a step. It fails the test if nothing works on an operation.
func (s *shelf) proceed(t *testing.T, n int32) {
	t.Helper()
	select {
	case s.step <- n:
	case <-time.After(20 * time.Second):
		t.Fatal("no operation is running")
	}
}

func (s *shelf) Echo(ctx context.Context, req *shelfv1.EchoRequest) (*shelfv1.EchoResponse, error) {
	if req.GetDelay() != nil {
		s.started <- struct{}{}
		select {
		case <-ctx.Done():
			s.ended <- ctx.Err()
			return nil, ctx.Err()
		case <-time.After(req.GetDelay().AsDuration()):
		}
	}
	resp := &shelfv1.EchoResponse{Request: proto.CloneOf(req), Metadata: map[string]string{}}
	md, _ := metadata.FromIncomingContext(ctx)
	for key, values := range md {
		resp.Metadata[key] = strings.Join(values, ",")
	}
	if p, ok := peer.FromContext(ctx); ok {
		resp.Peer = p.Addr.String()
	}
	return resp, nil
}

func (s *shelf) BurnBook(context.Context, *shelfv1.GetBookRequest) (*shelfv1.Book, error) {
	s.burnt.Add(1)
	return &shelfv1.Book{}, nil
}

// authenticate accepts the bearer token "ID:scope,scope".
func authenticate(ctx context.Context) (*runtime.Principal, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) == 0 {
		return nil, nil
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	id, scopes, _ := strings.Cut(token, ":")
	if !ok || id == "" {
		return nil, rpcerr.Reason("library.example.com/BAD_TOKEN").Errorf(codes.Unauthenticated, "the token is malformed")
	}
	return runtime.NewPrincipal(id, strings.Split(scopes, ",")...), nil
}

// fixture is a server with its tools.
type fixture struct {
	*shelf
	url string
	srv *server.Server
	log *echotest.Records
}

// start serves the shelf and its tools until the test ends, which must leave no goroutine.
func start(t *testing.T, opts ...mcp.Option) *fixture {
	t.Helper()
	servicetest.NoLeaks(t)
	f := &fixture{shelf: newShelf(), log: &echotest.Records{}}
	running := echotest.StartServer(t, func(srv *server.Server) {
		f.srv = srv
		f.register(srv)
	}, mcp.Serve("127.0.0.1:0", opts...), server.WithAuthenticator(server.AuthenticateFunc(authenticate)), server.WithLogger(f.log.Logger(-4)))
	var health healthpb.HealthCheckResponse // the port is open before the server accepts calls
	if err := running.Conn.Invoke(t.Context(), healthpb.Health_Check_FullMethodName, &healthpb.HealthCheckRequest{},
		&health, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + running.Status().Addrs[1] + "/mcp"
	return f
}

func newShelf() *shelf {
	s := &shelf{
		ops: operation.NewManager(operation.Memory()), started: make(chan struct{}, 10), ended: make(chan error, 10), step: make(chan int32), listed: 5,
	}
	shelfv1service.ShelfServiceImportBooks.Handle(s.ops, s.work)
	return s
}

func (s *shelf) register(srv *server.Server) {
	shelfv1service.RegisterShelfService(srv, s)
	operation.Register(srv, s.ops)
}

// withHeaders adds headers to requests.
type withHeaders struct {
	http.Header
	base http.RoundTripper
}

func (w withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range w.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return w.base.RoundTrip(r)
}

// agent connects an agent with a token, "" for none.
func (f *fixture) agent(t *testing.T, token string, headers ...string) *sdk.ClientSession {
	t.Helper()
	return f.agentWith(t, nil, nil, token, headers...)
}

func (f *fixture) agentWith(
	t *testing.T, options *sdk.ClientOptions, session *sdk.ClientSessionOptions, token string, headers ...string,
) *sdk.ClientSession {
	t.Helper()
	header := make(http.Header)
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	base := &http.Transport{}
	transport := &sdk.StreamableClientTransport{
		Endpoint: f.url, HTTPClient: &http.Client{Transport: withHeaders{header, base}}, MaxRetries: -1,
	}
	agent, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, options).Connect(t.Context(), transport, session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		agent.Close()
		base.CloseIdleConnections()
	})
	return agent
}

// call calls a tool, and returns its result.
func call(t *testing.T, agent *sdk.ClientSession, tool, arguments string) *sdk.CallToolResult {
	t.Helper()
	result, err := agent.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatalf("%s(%.200s): %v", tool, arguments, err)
	}
	return result
}

// textOf returns the text of a result.
func textOf(result *sdk.CallToolResult) string {
	var texts []string
	for _, content := range result.Content {
		if text, ok := content.(*sdk.TextContent); ok {
			texts = append(texts, text.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// wantJSON checks the structure of a result, and that its text is the same.
func wantJSON(t *testing.T, result *sdk.CallToolResult, want string) {
	t.Helper()
	if result.IsError {
		t.Fatalf("the call failed: %s", textOf(result))
	}
	data, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	if got := canonical(t, string(data)); got != canonical(t, want) {
		t.Errorf("the result is %s, want %s", got, want)
	}
	if got := canonical(t, textOf(result)); got != canonical(t, string(data)) {
		t.Errorf("the text is %s, and the structure %s", got, data)
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	data, _ := json.Marshal(value)
	return string(data)
}

// wantError checks the text of a result that is an error.
func wantError(t *testing.T, result *sdk.CallToolResult, want string) {
	t.Helper()
	if !result.IsError || !strings.Contains(textOf(result), want) {
		t.Errorf("the result is (error %t) %s, want an error with %s", result.IsError, textOf(result), want)
	}
}

type sdkCall = sdk.CallToolParams
