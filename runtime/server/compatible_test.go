package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// legacyItem is the request and the response of all methods of legacy.v1.Items. Its name is
// REQUIRED.
var legacyItem = func() protoreflect.MessageDescriptor {
	required := new(descriptorpb.FieldOptions)
	const fieldBehavior, isRequired = 1052, 2 // google.api.field_behavior, whose package is no dependency
	required.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, fieldBehavior, protowire.VarintType), isRequired))
	method := func(name string, fromClient, fromServer bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{Name: &name, InputType: proto.String("Item"), OutputType: proto.String("Item"),
			ClientStreaming: &fromClient, ServerStreaming: &fromServer}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("legacy_v1_test.proto"), Package: proto.String("legacy.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Item"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("name"), Number: proto.Int32(1), Options: required,
			Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Items"), Method: []*descriptorpb.MethodDescriptorProto{
			method("One", false, false), method("Many", false, true), method("Join", true, false), method("Chat", true, true),
		}}},
	}, protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
	return file.Messages().Get(0)
}()

// item returns a message of legacy.v1.Items.
func item(name string) *dynamicpb.Message {
	msg := dynamicpb.NewMessage(legacyItem)
	if name != "" {
		msg.Set(legacyItem.Fields().Get(0), protoreflect.ValueOfString(name))
	}
	return msg
}

// legacyMethod is what all methods of legacy.v1.Items do after their last request.
type legacyMethod func(context.Context) error

// answer is a method of the kind that has one response.
func (m legacyMethod) answer(ctx context.Context) (any, error) {
	if err := m(ctx); err != nil {
		return nil, err
	}
	return item("answer"), nil
}

// stream is the handler of the streams.
func (m legacyMethod) stream(_ any, ss grpc.ServerStream) error {
	for {
		if err := ss.RecvMsg(item("")); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	resp, err := m.answer(ss.Context())
	if err != nil {
		return err
	}
	return ss.SendMsg(resp)
}

// legacyItems describes the service as protoc-gen-go-grpc does.
var legacyItems = grpc.ServiceDesc{
	ServiceName: "legacy.v1.Items", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "One", Handler: func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := item("")
		if err := dec(in); err != nil {
			return nil, err
		}
		if interceptor == nil {
			return srv.(legacyMethod).answer(ctx)
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/legacy.v1.Items/One"}
		return interceptor(ctx, in, info, func(ctx context.Context, _ any) (any, error) { return srv.(legacyMethod).answer(ctx) })
	}}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Many", ServerStreams: true, Handler: legacyStream},
		{StreamName: "Join", ClientStreams: true, Handler: legacyStream},
		{StreamName: "Chat", ClientStreams: true, ServerStreams: true, Handler: legacyStream},
	},
}

func legacyStream(srv any, ss grpc.ServerStream) error { return srv.(legacyMethod).stream(srv, ss) }

// onTheWire returns all that a client sees of a call of a method of legacy.v1.Items.
func onTheWire(t *testing.T, conn *grpc.ClientConn, method, name string) string {
	var header, trailer metadata.MD
	var err error
	responses := 0
	opts := []grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}
	path, ctx := "/legacy.v1.Items/"+method, echotest.NoDeadline(t)
	if method == "One" {
		if err = conn.Invoke(ctx, path, item(name), item(""), opts...); err == nil {
			responses++
		}
	} else {
		cs, failed := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: method != "Many", ServerStreams: true}, path, opts...)
		if failed != nil {
			t.Fatal(failed)
		}
		_ = cs.SendMsg(item(name)) // RecvMsg returns the reason
		_ = cs.CloseSend()
		for err == nil {
			if err = cs.RecvMsg(item("")); err == nil {
				responses++
			}
		}
	}
	st := status.Convert(echotest.EndOf(err))
	return fmt.Sprintf("%d responses, %v %q %v, header %v, trailer %v", responses, st.Code(), st.Message(), st.Details(), header, trailer)
}

// recovering are interceptors of a team that recover panics.
var recovering = serverWide(func(ctx context.Context, _ string, next func(context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = status.Errorf(codes.Internal, "the team recovered %v", value)
		}
	}()
	return next(ctx)
})

// compatibleHosts serve a method as grpc alone does, but for opts.
var compatibleHosts = map[string]func(t *testing.T, method legacyMethod, opts ...server.Option) *grpc.ClientConn{
	"Server": func(t *testing.T, method legacyMethod, opts ...server.Option) *grpc.ClientConn {
		return echotest.StartServer(t, func(srv *server.Server) { srv.RegisterService(&legacyItems, method) },
			append([]server.Option{server.Compatible(), server.WithGRPCOptions(recovering...)}, opts...)...).Conn
	},
	"On": func(t *testing.T, method legacyMethod, opts ...server.Option) *grpc.ClientConn {
		own := grpc.NewServer(recovering...)
		quiet := server.WithLogger(slog.New(slog.DiscardHandler))
		server.On(own, append([]server.Option{server.Compatible(), quiet}, opts...)...).RegisterService(&legacyItems, method)
		return echotest.ServeGRPC(t, own)
	},
}

// statusWithDetails is a status of a team.
func statusWithDetails() error {
	st, err := status.New(codes.NotFound, "no such item").WithDetails(&errdetails.ErrorInfo{Reason: "GONE", Domain: "legacy"})
	if err != nil {
		return err
	}
	return st.Err()
}

// noDeadline fails where a call has a deadline.
func noDeadline(ctx context.Context) error {
	if _, ok := ctx.Deadline(); ok {
		return status.Error(codes.OutOfRange, "the call has a deadline")
	}
	return nil
}

// TestCompatibleChangesNothingOnTheWire compares what clients see of a server of grpc alone with
// what they see after a move.
func TestCompatibleChangesNothingOnTheWire(t *testing.T) {
	for name, method := range map[string]legacyMethod{
		"success":        func(context.Context) error { return nil },
		"plain error":    func(context.Context) error { return errors.New("dial 10.0.0.1: refused") },
		"status":         func(context.Context) error { return statusWithDetails() },
		"wrapped status": func(context.Context) error { return fmt.Errorf("items: %w", statusWithDetails()) },
		"unknown code":   func(context.Context) error { return status.Error(codes.Code(42), "ours") },
		"canceled":       func(context.Context) error { return context.Canceled },
		"deadline":       func(context.Context) error { return fmt.Errorf("db: %w", context.DeadlineExceeded) },
		"EOF":            func(context.Context) error { return io.EOF },
		"panic":          func(context.Context) error { panic("boom") },
		"no deadline":    noDeadline,
		"metadata": func(ctx context.Context) error {
			return errors.Join(grpc.SetHeader(ctx, metadata.Pairs("a", "1")), grpc.SetTrailer(ctx, metadata.Pairs("b", "2")))
		},
		"metadata and error": func(ctx context.Context) error {
			return errors.Join(grpc.SetHeader(ctx, metadata.Pairs("a", "1")), grpc.SetTrailer(ctx, metadata.Pairs("b", "2")), statusWithDetails())
		},
	} {
		alone := grpc.NewServer(recovering...)
		alone.RegisterService(&legacyItems, method)
		before := echotest.ServeGRPC(t, alone)
		for host, open := range compatibleHosts {
			after := open(t, method)
			for _, kind := range []string{"One", "Many", "Join", "Chat"} {
				for _, sent := range []string{"ada", ""} { // "" misses a REQUIRED field
					want, got := onTheWire(t, before, kind, sent), onTheWire(t, after, kind, sent)
					if got != want {
						t.Errorf("%s, %s, %s with name %q:\ngot  %s\nwant %s", host, name, kind, sent, got, want)
					}
				}
			}
		}
	}
}

// TestCompatiblePartsAreSwitchedOn checks that each part has a switch that follows Compatible.
func TestCompatiblePartsAreSwitchedOn(t *testing.T) {
	plain := func(context.Context) error { return errors.New("secret") }
	log := new(echotest.Records)
	for name, test := range map[string]struct {
		method  legacyMethod
		sent    string
		opt     server.Option
		kinds   []string
		code    codes.Code
		trailer int
	}{
		"errors":     {plain, "ada", server.WithErrorMasking(true), nil, codes.Unknown, 0},
		"panics":     {func(context.Context) error { panic("boom") }, "ada", server.WithRecovery(true), nil, codes.Internal, 0},
		"request ID": {plain, "ada", server.WithRequestIDTrailer(true), nil, codes.Unknown, 1},
		"deadline":   {noDeadline, "ada", server.WithDefaultTimeout(server.DefaultTimeout), []string{"One"}, codes.OutOfRange, 0},
		"REQUIRED":   {plain, "", server.WithRequestChecks(true), nil, codes.InvalidArgument, 0},
		"access log": {plain, "ada", server.WithAccessLog(true), nil, codes.Unknown, 0},
	} {
		for host, open := range compatibleHosts {
			conn := open(t, test.method, test.opt, server.WithLogger(log.Logger(slog.LevelInfo)))
			if test.kinds == nil {
				test.kinds = []string{"One", "Many", "Join", "Chat"}
			}
			for _, kind := range test.kinds {
				var trailer metadata.MD
				cs, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/legacy.v1.Items/"+kind, grpc.Trailer(&trailer))
				if err != nil {
					t.Fatal(err)
				}
				_ = cs.SendMsg(item(test.sent)) // RecvMsg returns the reason
				_ = cs.CloseSend()
				st := status.Convert(cs.RecvMsg(item("")))
				if st.Code() != test.code || len(trailer["x-request-id"]) != test.trailer {
					t.Errorf("%s, %s, %s: %v, trailer %v", host, name, kind, st, trailer)
				}
				if (st.Message() == "secret") != (name == "request ID" || name == "access log") || st.Message() == "the team recovered boom" {
					t.Errorf("%s, %s, %s: %v", host, name, kind, st)
				}
			}
		}
	}
	if n := len(log.Named(t, "rpc")); n != 8 {
		t.Errorf("%d access log records, want one of each call of the server that has the log switched on", n)
	}
}

// typedError is an error of a team, which its interceptors look for.
type typedError struct{ field string }

func (e *typedError) Error() string { return "typed: " + e.field }

// GRPCStatus has grpc send a status.
func (e *typedError) GRPCStatus() *status.Status { return status.New(codes.NotFound, "no such item") }

// TestCompatibleInterceptorsSeeTheError checks that interceptors of the server get the error of a
// method itself, as go-grpc-middleware's logging does to find the fields of a log record in it.
func TestCompatibleInterceptorsSeeTheError(t *testing.T) {
	plain, typed := errors.New("plain"), &typedError{"plop"}
	for name, method := range map[string]error{
		"plain": plain, "typed": typed, "wrapped": fmt.Errorf("get: %w", typed), "deadline": context.DeadlineExceeded,
	} {
		var seen error
		own := grpc.NewServer(serverWide(func(ctx context.Context, _ string, next func(context.Context) error) error {
			seen = next(ctx)
			return seen
		})...)
		quiet := server.WithLogger(slog.New(slog.DiscardHandler))
		fail := legacyMethod(func(context.Context) error { return method })
		server.On(own, server.Compatible(), quiet).RegisterService(&legacyItems, fail)
		conn := echotest.ServeGRPC(t, own)
		for _, kind := range []string{"One", "Many", "Join", "Chat"} {
			seen = nil
			onTheWire(t, conn, kind, "ada")
			if seen != method {
				t.Errorf("%s, %s: an interceptor sees %#v, want %#v", name, kind, seen, method)
			}
		}
	}
}
