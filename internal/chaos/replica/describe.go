package replica

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
)

// describe registers the proto of the service, as generated code does. The guard of idempotency
// keys finds the types of methods there.
func describe() error {
	method := func(name, request, response string) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name:      proto.String(name),
			InputType: proto.String(".chaos.v1." + request), OutputType: proto.String(".chaos.v1." + response),
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("chaos/v1/service.proto"), Package: proto.String("chaos.v1"),
		Syntax:     proto.String("proto3"),
		Dependency: []string{chaosv1.File_chaos_v1_chaos_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("ChaosService"), Method: []*descriptorpb.MethodDescriptorProto{
				method("PlaceOrder", "OrderRequest", "Order"), method("Publish", "PublishRequest",
					"PublishResponse"),
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
}
