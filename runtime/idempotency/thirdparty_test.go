package idempotency_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// The packages of third-party services.
const (
	guardedPackage    = "test.idempotency.guarded"    // M0 has a key, M1 has none
	impossiblePackage = "test.idempotency.impossible" // M0 has a key that does not exist
)

// registerThirdParties registers the protos of all tests, once: the registry is global and keeps
// them when tests run several times in a process.
func registerThirdParties() error {
	keyed := func(field string) *grpcservicev1.Policy {
		return &grpcservicev1.Policy{IdempotencyKey: &grpcservicev1.IdempotencyKey{Field: &field}}
	}
	return errors.Join(
		registerThirdParty(guardedPackage, keyed("request_id"), nil),
		registerThirdParty(impossiblePackage, keyed("nope")),
	)
}

// registerThirdParty registers a proto whose service has a method for each of the options: M0, M1
// and so on.
func registerThirdParty(pkg string, options ...*grpcservicev1.Policy) error {
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Things")}
	for i, p := range options {
		said := new(descriptorpb.MethodOptions)
		proto.SetExtension(said, grpcservicev1.E_Method, p)
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String("M" + string(rune('0'+i))), Options: said,
			InputType: proto.String(".google.rpc.RequestInfo"), OutputType: proto.String(".google.protobuf.StringValue"),
		})
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String(pkg + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3"),
		Dependency: []string{
			"google/protobuf/wrappers.proto", "google/rpc/error_details.proto", "grpcservice/v1/options.proto",
		},
		Service: []*descriptorpb.ServiceDescriptorProto{service},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
}

// thirdPartyDesc describes Things as protoc-gen-go-grpc does.
func thirdPartyDesc(pkg string, methods ...string) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: pkg + ".Things", HandlerType: (*thingService)(nil)}
	for _, name := range methods {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: name, Handler: func(
			srv any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor,
		) (any, error) {
			in := new(request)
			if err := decode(in); err != nil {
				return nil, err
			}
			if around == nil {
				return srv.(thingService).Create(ctx, in)
			}
			info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + pkg + ".Things/" + name}
			return around(ctx, in, info, func(ctx context.Context, req any) (any, error) {
				return srv.(thingService).Create(ctx, req.(*request))
			})
		}})
	}
	return desc
}

// TestThirdPartyServicesAreGuarded checks that a method of protoc-gen-go-grpc whose options name
// the key field runs once for a key, and that a method without the option runs for each call.
func TestThirdPartyServicesAreGuarded(t *testing.T) {
	const pkg = guardedPackage
	for name, option := range map[string]server.Option{
		"alone": server.WithUnaryInterceptors(),
		"within an interceptor of the server": server.WithGRPCOptions(grpc.UnaryInterceptor(
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
				return h(ctx, req)
			})),
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			things := createFunc(func(context.Context, *request) (*response, error) {
				runs++
				return &response{Value: strings.Repeat("x", runs)}, nil
			})
			conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
				r.RegisterService(thirdPartyDesc(pkg, "M0", "M1"), things)
			}, option, server.WithIdempotency(idempotency.New(idempotency.Memory())))
			for i, want := range []string{"x", "x"} {
				if got := invoke(t, conn, pkg, "M0", &request{RequestId: "1"}); got != want {
					t.Errorf("call %d got %q, want %q", i+1, got, want)
				}
			}
			err := conn.Invoke(t.Context(), "/"+pkg+".Things/M0", &request{RequestId: "1", ServingData: "other"}, new(response))
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("got %v, want INVALID_ARGUMENT for the key of another request", err)
			}
			for i, want := range []string{"xx", "xxx"} {
				if got := invoke(t, conn, pkg, "M1", &request{RequestId: "1"}); got != want {
					t.Errorf("call %d of a method without the option got %q, want %q", i+1, got, want)
				}
			}
		})
	}
}

// TestThirdPartyKeysThatCannotBe checks that a server with a key field that it cannot read does not
// start.
func TestThirdPartyKeysThatCannotBe(t *testing.T) {
	srv := server.New()
	srv.RegisterService(thirdPartyDesc(impossiblePackage, "M0"), thingClient{})
	const want = `the options of test.idempotency.impossible.Things/M0: idempotency_key.field: ` +
		`google.rpc.RequestInfo has no string field "nope" that is not repeated; name an existing one`
	if err := srv.Run(t.Context(), "127.0.0.1:0"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// invoke calls a method and returns the value of its response.
func invoke(t *testing.T, conn grpc.ClientConnInterface, pkg, method string, req *request) string {
	t.Helper()
	resp := new(response)
	if err := conn.Invoke(t.Context(), "/"+pkg+".Things/"+method, req, resp); err != nil {
		t.Fatal(err)
	}
	return resp.Value
}
