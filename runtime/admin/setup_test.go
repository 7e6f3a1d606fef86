package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/admin"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

func TestMain(m *testing.M) { echotest.Main(m) }

// serve serves the echo service with a page on a free port, and returns both. Calls whose metadata
// have "fail" fail.
func serve(t *testing.T, policy runtime.Policy, opts []admin.Option, also ...server.Option) (*echotest.Running, *admin.Page) {
	t.Helper()
	page := admin.New(append([]admin.Option{admin.WithAddr("127.0.0.1:0"), admin.WithLogger(new(echotest.Records).Logger(0))}, opts...)...)
	srv := echotest.StartServer(t, func(s *server.Server) {
		server.Register[echotest.Service](s, echotest.TableWith(policy), echotest.Behaving(func(ctx context.Context) error {
			switch md, _ := metadata.FromIncomingContext(ctx); {
			case len(md.Get("fail")) == 0:
				return nil
			case md.Get("fail")[0] == "fault":
				return errors.New("the database is away")
			default:
				return rpcerr.Reason("SHELF_EMPTY").Errorf(codes.NotFound, "%s", md.Get("fail")[0])
			}
		}))
	}, append(also, server.WithObservers(page), server.WithCompanions(page))...)
	await(t, page)
	awaitServing(t, srv)
	return srv, page
}

// await waits until a page listens.
func await(t *testing.T, page *admin.Page) {
	t.Helper()
	for ctx := echotest.Context(t); page.Addr() == nil; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the page does not listen")
		}
	}
}

// get requests a path of a page, with headers in pairs; "Host" sets the host.
func get(t *testing.T, page *admin.Page, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	return request(t, http.MethodGet, page, path, headers...)
}

func request(t *testing.T, method string, page *admin.Page, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(echotest.Context(t), method, "http://"+page.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// call calls all kinds of RPC n times, with metadata.
func call(t *testing.T, srv *echotest.Running, n int, md ...string) {
	t.Helper()
	for range n {
		for _, kind := range echotest.Kinds {
			_ = kind(metadata.AppendToOutgoingContext(echotest.Context(t), md...), srv.Conn)
		}
	}
}
