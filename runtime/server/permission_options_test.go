package server_test

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// registerGuarded registers a proto whose options require a permission, once.
var registerGuarded = sync.OnceValue(func() error {
	options := new(descriptorpb.MethodOptions)
	proto.SetExtension(options, grpcservicev1.E_Method, &grpcservicev1.Policy{
		Auth: &grpcservicev1.Auth{},
		Permission: &grpcservicev1.Permission{
			Name: proto.String("texts.read"), Resource: proto.String("value"), HideExistence: proto.Bool(true),
		},
	})
	text := proto.String(".google.protobuf.StringValue")
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/permission.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto", "grpcservice/v1/options.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Guarded"), Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String("Get"), InputType: text, OutputType: text, Options: options,
			}},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// TestPermissionOfAThirdPartyService holds that the options in the proto of a service of another
// generator are enforced.
func TestPermissionOfAThirdPartyService(t *testing.T) {
	if err := registerGuarded(); err != nil {
		t.Fatal(err)
	}
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		req := new(text)
		return req, decode(req)
	}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		srv.RegisterService(&grpc.ServiceDesc{
			ServiceName: "test.v1.Guarded", HandlerType: (*any)(nil),
			Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: handler}},
		}, struct{}{})
	}, server.WithAuthenticator(byUser), server.WithAuthorizer(new(asked)))
	for resource, want := range map[string]codes.Code{"ada/1": codes.OK, "bob/1": codes.NotFound, "": codes.InvalidArgument} {
		err := srv.Conn.Invoke(asUser(t, "ada"), "/test.v1.Guarded/Get", wrapperspb.String(resource), new(text))
		if status.Code(err) != want {
			t.Errorf("%q: %v, want %v", resource, err, want)
		}
	}
}
