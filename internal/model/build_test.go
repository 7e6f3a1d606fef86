package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/policy"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// pluginFor returns a request for one file with the given service.
func pluginFor(t *testing.T, service *descriptorpb.ServiceDescriptorProto) *protogen.Plugin {
	t.Helper()
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"library/v1/books.proto"},
		ProtoFile: []*descriptorpb.FileDescriptorProto{{
			Name: proto.String("library/v1/books.proto"), Package: proto.String("library.v1"), Syntax: proto.String("proto3"),
			Options:     &descriptorpb.FileOptions{GoPackage: proto.String("example.com/library/v1;libraryv1")},
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Book")}, {Name: proto.String("Shelf")}},
			Service:     []*descriptorpb.ServiceDescriptorProto{service},
			SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
				{Path: []int32{6, 0}, Span: []int32{4, 0, 1}, LeadingComments: proto.String(" Books are books.\n")},
				{Path: []int32{6, 0, 2, 1}, Span: []int32{6, 2, 1}, TrailingComments: proto.String(" Watch watches.\n")},
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

func TestBuild(t *testing.T) {
	plugin := pluginFor(t, &descriptorpb.ServiceDescriptorProto{Name: proto.String("book_service"), Method: []*descriptorpb.MethodDescriptorProto{
		{
			Name: proto.String("get"), InputType: proto.String("Book"), OutputType: proto.String("Shelf"),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()},
		},
		{
			Name: proto.String("Watch"), InputType: proto.String("Shelf"), OutputType: proto.String("Book"),
			ServerStreaming: proto.Bool(true), Options: &descriptorpb.MethodOptions{Deprecated: proto.Bool(true)},
		},
	}})
	files, problems := Build(plugin, Options{PackageSuffix: "rpc", Explains: true})
	if len(problems) > 0 {
		t.Fatalf("Build returns the problems %v", problems)
	}
	message := func(name string) golang.Ident {
		return golang.Ident{Name: name, Package: "libraryv1", Path: "example.com/library/v1"}
	}
	service := func(name string) golang.Ident {
		return golang.Ident{Name: name, Package: "libraryv1rpc", Path: "example.com/library/v1/libraryv1rpc"}
	}
	want := []File{{
		Source:     "library/v1/books.proto",
		Descriptor: message("File_library_v1_books_proto"),
		Service: Output{
			Package: "libraryv1rpc", Path: "example.com/library/v1/libraryv1rpc",
			File: "example.com/library/v1/libraryv1rpc/books.grpcservice.go",
			Doc:  "Package libraryv1rpc serves and calls the services of library.v1.",
			Declares: []string{"BookService", "BookServiceConfig", "BookServiceGetMethod", "BookServiceName", "BookServiceWatchMethod",
				"NewBookServiceClient", "RegisterBookService", "UnimplementedBookService",
				"bookServiceClient", "bookServicePolicy", "bookServiceTable"},
		},
		Test: Output{
			Package: "libraryv1rpctest", Path: "example.com/library/v1/libraryv1rpctest",
			File:       "example.com/library/v1/libraryv1rpctest/books.grpcservice.go",
			Doc:        "Package libraryv1rpctest helps to test servers and clients of library.v1.",
			Declares:   []string{"CheckBookService", "FakeBookService", "NewFakeBookService", "ServeBookService", "fakeBookService"},
			Deprecated: true,
		},
		Adapters: Output{
			Package: "libraryv1rpcgogrpc", Path: "example.com/library/v1/libraryv1rpcgogrpc",
			File: "example.com/library/v1/libraryv1rpcgogrpc/books.grpcservice.go",
			Doc:  "Package libraryv1rpcgogrpc converts to and from the protoc-gen-go-grpc interfaces of library.v1.",
			Declares: []string{"BookServiceFromClient", "BookServiceFromServer", "BookServiceToClient", "BookServiceToServer",
				"bookServiceFromServer", "bookServiceToServer"},
			Deprecated: true,
		},
		Services: []Service{{
			Names: Names{
				Interface: service("BookService"), Unimplemented: service("UnimplementedBookService"),
				Register: service("RegisterBookService"), NewClient: service("NewBookServiceClient"),
				Config: "BookServiceConfig", NameConst: "BookServiceName", PolicyVar: "bookServicePolicy", Table: "bookServiceTable", Client: "bookServiceClient",
				FromServer: "BookServiceFromServer", ToServer: "BookServiceToServer", FromClient: "BookServiceFromClient", ToClient: "BookServiceToClient",
				FromServerType: "bookServiceFromServer", ToServerType: "bookServiceToServer",
				Serve: "ServeBookService", Check: "CheckBookService",
				Fake: "FakeBookService", NewFake: "NewFakeBookService", FakeType: "fakeBookService",
			},
			Name: "book_service", FullName: "library.v1.book_service",
			Doc:        []string{"Books are books."},
			Descriptor: message("File_library_v1_books_proto"),
			Methods: []Method{
				{
					Name: "get", GoName: "Get", FullMethod: "/library.v1.book_service/get", Const: "BookServiceGetMethod",
					Kind: Unary, Doc: []string{"Get takes a request and returns a response."},
					Comment: []string{"Get takes a request and returns a response."},
					Input:   message("Book"), Output: message("Shelf"), Policy: Policy{
						Policy: rules.Policy{Idempotency: rules.NoSideEffects},
						Rules: append([]policy.Rule{{Field: "idempotency", Value: "NO_SIDE_EFFECTS", Source: "idempotency_level"}},
							defaults("timeout.default", "timeout.max")...),
					},
					OwnPolicy: Policy{Policy: rules.Policy{Idempotency: rules.NoSideEffects}},
				},
				{
					Name: "Watch", GoName: "Watch", FullMethod: "/library.v1.book_service/Watch", Const: "BookServiceWatchMethod",
					Kind:       ServerStream,
					Doc:        []string{"Watch watches.", "", "Deprecated: Marked as deprecated in library/v1/books.proto."},
					Comment:    []string{"Watch watches."},
					Deprecated: "Marked as deprecated in library/v1/books.proto.",
					Input:      message("Shelf"), Output: message("Book"),
					Policy: Policy{Rules: append([]policy.Rule{{Field: "deprecated", Value: true, Source: "deprecated"}},
						defaults("timeout.idle", "timeout.total")...)},
				},
			},
		}},
	}}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// defaults returns the rules of a method without rules: those of its timeouts, and the others.
func defaults(timeouts ...string) (all []policy.Rule) {
	for _, field := range append(timeouts, "auth", "rate", "concurrency", "retry", "hedging", "max_request_bytes", "log.level", "log.sample", "permission") {
		all = append(all, policy.Rule{Field: field, Source: "default"})
	}
	return all
}

func TestBuildJoinsErrorsInOrder(t *testing.T) {
	method := func(name string) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{Name: proto.String(name), InputType: proto.String("Book"), OutputType: proto.String("Book")}
	}
	plugin := pluginFor(t, &descriptorpb.ServiceDescriptorProto{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{
		method("get_it"), method("GetIt"), method("Other"), method("other"),
	}})
	_, problems := Build(plugin, Options{PackageSuffix: "service"})
	want := "library/v1/books.proto: rpc S.other: its Go name Other is also that of rpc Other (library/v1/books.proto); rename one of them\n" +
		"library/v1/books.proto:7:3: rpc S.GetIt: its Go name GetIt is also that of rpc get_it (library/v1/books.proto); rename one of them"
	if err := problems.Err(); err == nil || err.Error() != want {
		t.Errorf("Build returns the errors:\n%v\nwant:\n%s", err, want)
	}
}

func TestKindString(t *testing.T) {
	for _, tt := range []struct {
		requests, responses bool
		want                string
	}{{false, false, "Unary"}, {false, true, "ServerStream"}, {true, false, "ClientStream"}, {true, true, "Bidi"}} {
		kind := kindOf(tt.requests, tt.responses)
		if got := kind.String(); got != tt.want || kind.StreamsRequests() != tt.requests || kind.StreamsResponses() != tt.responses {
			t.Errorf("the kind that streams requests: %t and responses: %t is %s", tt.requests, tt.responses, got)
		}
	}
}
