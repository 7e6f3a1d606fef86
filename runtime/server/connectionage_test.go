package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestNewServersGetCallsAfterTheConnectionAge adds a server under steady load, as an autoscaler
// does. The client learns of it when a connection goes, and not before.
func TestNewServersGetCallsAfterTheConnectionAge(t *testing.T) {
	serve := func(name string) string {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithMaxConnectionAge(100*time.Millisecond))
		server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) {
			return wrapperspb.String(name), nil
		}})
		return echotest.ListenAndServe(t, srv)
	}
	first, added := serve("first"), serve("added")
	names := manual.NewBuilderWithScheme("names")
	names.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: first}}})
	asked := make(chan struct{}, 1)
	names.ResolveNowCallback = func(resolver.ResolveNowOptions) {
		select {
		case asked <- struct{}{}:
		default:
		}
	}
	conn, err := client.Dial("names:///servers", client.WithInsecure(), client.WithDialOptions(grpc.WithResolvers(names)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx := echotest.Context(t)
	for {
		resp, err := stub.One(ctx, new(text))
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetValue() == "added" {
			return
		}
		select {
		case <-asked: // as DNS answers now
			names.UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: first}, {Addr: added}}})
		default:
		}
	}
}

// TestStreamsEndAfterTheGraceOfTheConnectionAge has a stream outlast its connection.
func TestStreamsEndAfterTheGraceOfTheConnectionAge(t *testing.T) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithMaxConnectionAge(50*time.Millisecond), server.WithMaxConnectionAgeGrace(100*time.Millisecond))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				<-ctx.Done()
				yield(nil, ctx.Err())
			}
		},
	})
	conn := echotest.DialAll(t, []string{echotest.ListenAndServe(t, srv)})
	_, err := echotest.Gather(echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}.Many(echotest.Context(t), new(text)))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ends with %v", err)
	}
}

// TestMaxConnectionAgeGraceIsChecked holds the error of a wrong grace.
func TestMaxConnectionAgeGraceIsChecked(t *testing.T) {
	err := server.New(server.WithMaxConnectionAgeGrace(-time.Second)).Run(context.Background(), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "WithMaxConnectionAgeGrace(-1s): a grace cannot be negative; pass 0 for no bound") {
		t.Errorf("Run: %v", err)
	}
}

// TestMaxConnectionAgeIsChecked holds the error of a wrong age.
func TestMaxConnectionAgeIsChecked(t *testing.T) {
	err := server.New(server.WithMaxConnectionAge(-time.Second)).Run(context.Background(), "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "WithMaxConnectionAge(-1s): an age cannot be negative; pass 0 to keep connections") {
		t.Errorf("Run: %v", err)
	}
}
