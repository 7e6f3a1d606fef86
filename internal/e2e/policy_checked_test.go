package e2e

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	service "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1/policyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// checked takes all requests that reach it, or rejects with an error of its own.
type checked struct{ err error }

func (c checked) Unary(context.Context, *policyv1.CheckedRequest) (*policyv1.CheckedResponse, error) {
	return &policyv1.CheckedResponse{}, c.err
}

func (c checked) ServerStream(context.Context, *policyv1.CheckedRequest) runtime.Stream[policyv1.CheckedResponse] {
	return c.end()
}

func (c checked) ClientStream(_ context.Context, reqs runtime.Stream[policyv1.CheckedRequest]) (*policyv1.CheckedResponse, error) {
	if _, err := stream.Collect(reqs); err != nil {
		return nil, err
	}
	return &policyv1.CheckedResponse{}, c.err
}

func (c checked) Bidi(_ context.Context, reqs runtime.Stream[policyv1.CheckedRequest]) runtime.Stream[policyv1.CheckedResponse] {
	if _, err := stream.Collect(reqs); err != nil {
		return runtime.Fail[policyv1.CheckedResponse](err)
	}
	return c.end()
}

// end returns a stream without messages.
func (c checked) end() runtime.Stream[policyv1.CheckedResponse] {
	if c.err != nil {
		return runtime.Fail[policyv1.CheckedResponse](c.err)
	}
	return stream.Of[policyv1.CheckedResponse]()
}

// checkedCalls sends one request to each RPC, and returns the error at the end.
func checkedCalls(client service.CheckedService) map[string]func(context.Context, *policyv1.CheckedRequest) error {
	return map[string]func(context.Context, *policyv1.CheckedRequest) error{
		"Unary": func(ctx context.Context, req *policyv1.CheckedRequest) error {
			_, err := client.Unary(ctx, req)
			return err
		},
		"ServerStream": func(ctx context.Context, req *policyv1.CheckedRequest) error {
			_, err := stream.Collect(client.ServerStream(ctx, req))
			return err
		},
		"ClientStream": func(ctx context.Context, req *policyv1.CheckedRequest) error {
			_, err := client.ClientStream(ctx, stream.Of(req))
			return err
		},
		"Bidi": func(ctx context.Context, req *policyv1.CheckedRequest) error {
			_, err := stream.Collect(client.Bidi(ctx, stream.Of(req)))
			return err
		},
	}
}

// TestRequiredFields sends requests with and without what the proto requires of them.
func TestRequiredFields(t *testing.T) {
	for name, test := range map[string]struct {
		req  *policyv1.CheckedRequest
		want []string // fields that are missing
	}{
		"all there":    {&policyv1.CheckedRequest{Title: "a", Parts: []*policyv1.CheckedRequest_Part{{Name: "b"}}}, nil},
		"nothing":      {&policyv1.CheckedRequest{}, []string{"title"}},
		"in a message": {&policyv1.CheckedRequest{Parts: []*policyv1.CheckedRequest_Part{{Name: "b"}, {}}}, []string{"title", "parts[1].name"}},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			addr := serveOnOurs(t, func(r grpc.ServiceRegistrar) {
				service.RegisterCheckedService(r, checked{})
				service.RegisterUncheckedService(r, checked{})
			})
			conn := connect(t, addr)
			for kind, call := range checkedCalls(service.NewCheckedServiceClient(conn)) {
				var missing []string
				err := call(testContext(t), test.req)
				for _, violation := range rpcerr.FieldViolations(err) {
					missing = append(missing, violation.Field)
				}
				if invalid := status.Code(err) == codes.InvalidArgument; invalid != (test.want != nil) || !slices.Equal(missing, test.want) {
					t.Errorf("%s: %v, which names %v; want %v", kind, err, missing, test.want)
				}
			}
			for kind, call := range checkedCalls(service.NewUncheckedServiceClient(conn)) {
				if err := call(testContext(t), test.req); err != nil {
					t.Errorf("%s of UncheckedService: %v", kind, err)
				}
			}
		})
	}
}

// TestReasonsOfTheProto has the methods fail with a reason that the proto lists.
func TestReasonsOfTheProto(t *testing.T) {
	servicetest.NoLeaks(t)
	err := service.ReasonSaidSo.Errorf(codes.FailedPrecondition, "because").WithMetadata("whose", "ours")
	addr := serveOnOurs(t, func(r grpc.ServiceRegistrar) { service.RegisterUncheckedService(r, checked{err}) })
	for kind, call := range checkedCalls(service.NewUncheckedServiceClient(connect(t, addr))) {
		err := call(testContext(t), &policyv1.CheckedRequest{})
		if got := rpcerr.ReasonOf(err); got != service.ReasonSaidSo || got.Domain() != "policy.example.com" || status.Code(err) != codes.FailedPrecondition {
			t.Errorf("%s: %v, reason %q", kind, err, got)
		}
	}
}
