package runtime

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Kind is the kind of an RPC, which the two stream keywords of its proto determine.
type Kind int

const (
	// KindUnary has one request and one response.
	KindUnary Kind = iota
	// KindServerStream has one request and a stream of responses.
	KindServerStream
	// KindClientStream has a stream of requests and one response.
	KindClientStream
	// KindBidi has a stream of requests and a stream of responses.
	KindBidi
)

// String returns the kind as logs and metrics spell it: "unary", "server_stream", "client_stream"
// or "bidi_stream".
func (k Kind) String() string {
	switch k {
	case KindServerStream:
		return "server_stream"
	case KindClientStream:
		return "client_stream"
	case KindBidi:
		return "bidi_stream"
	default:
		return "unary"
	}
}

// MethodInfo describes an RPC.
type MethodInfo struct {
	// Service is the full name of the service: "library.v1.BookService".
	Service string
	// Name is the name of the RPC: "GetBook".
	Name string
	// FullMethod is the RPC's path: "/library.v1.BookService/GetBook".
	FullMethod string
	// Kind is the kind of the RPC.
	Kind Kind
	// Policy is the policy of the RPC's row in the generated table, or of the options in the proto of
	// a third-party service, with the overrides of the server's configuration.
	Policy Policy
	// Descriptor is the RPC's descriptor; nil if the program does not link its proto.
	Descriptor protoreflect.MethodDescriptor
	// Comments are comments of the protos by the full names of what they describe; nil unless the
	// service has tools of agents. It must not be modified.
	Comments map[string]string
}

// NewMethodInfo describes an RPC, with its descriptor if the program links its proto.
func NewMethodInfo(service, name string, kind Kind, policy Policy) MethodInfo {
	return MethodInfo{
		Service: service, Name: name, FullMethod: "/" + service + "/" + name, Kind: kind, Policy: policy,
		Descriptor: methodDescriptor(service, name),
	}
}

// methodDescriptor finds an RPC among the linked protos.
func methodDescriptor(service, name string) protoreflect.MethodDescriptor {
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + name))
	if err != nil {
		return nil
	}
	method, _ := desc.(protoreflect.MethodDescriptor)
	return method
}
