package echotest

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// Client is what the plugin would generate for a client of Service.
type Client struct{ Rows []*client.Method }

func (c Client) One(ctx context.Context, req *Text) (*Text, error) {
	return client.Unary[Text](ctx, c.Rows[0], req)
}

func (c Client) Many(ctx context.Context, req *Text) runtime.Stream[Text] {
	return client.ServerStream[Text](ctx, c.Rows[1], req)
}

func (c Client) Join(ctx context.Context, reqs runtime.Stream[Text]) (*Text, error) {
	return client.ClientStream[Text](ctx, c.Rows[2], reqs)
}

func (c Client) Chat(ctx context.Context, reqs runtime.Stream[Text]) runtime.Stream[Text] {
	return client.Bidi[Text](ctx, c.Rows[3], reqs)
}

// Connect serves impl in memory and returns a client of it. The test must leave no goroutine
// behind.
func Connect(t *testing.T, impl Service) Service {
	t.Helper()
	servicetest.NoLeaks(t)
	return Client{Rows: RowsOf(Table, Start(t, impl).Conn)}
}

// DialAll connects to all addresses until the test ends.
func DialAll(t *testing.T, addrs []string, opts ...client.Option) *grpc.ClientConn {
	t.Helper()
	several := manual.NewBuilderWithScheme("several")
	state := resolver.State{}
	for _, addr := range addrs {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: addr})
	}
	several.InitialState(state)
	conn, err := client.Dial("several:///servers", append(opts, client.WithInsecure(), client.WithDialOptions(grpc.WithResolvers(several)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.ClientConn
}

// RowsOf returns the rows of a table, bound to conn.
func RowsOf[S any](table *runtime.Service[S], conn grpc.ClientConnInterface) (rows []*client.Method) {
	for _, info := range table.Methods() {
		rows = append(rows, client.Bind(conn, info))
	}
	return rows
}
