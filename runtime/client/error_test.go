package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// callEach calls a method of each kind with one request and returns their errors.
func callEach(ctx context.Context, stub echotest.Service) map[string]error {
	_, one := stub.One(ctx, &text{})
	_, many := echotest.Gather(stub.Many(ctx, &text{}))
	_, join := stub.Join(ctx, echotest.Texts("a"))
	_, chat := echotest.Gather(stub.Chat(ctx, echotest.Texts("a")))
	return map[string]error{"One": one, "Many": many, "Join": join, "Chat": chat}
}

// hedgedTable is echotest.Table with a hedged unary method.
var hedgedTable = runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("One", echotest.Service.One, runtime.Policy{
		Hedging: runtime.Hedging{MaxAttempts: 2, Delay: time.Hour},
	}),
	runtime.ServerStream("Many", echotest.Service.Many, runtime.Policy{}),
	runtime.ClientStream("Join", echotest.Service.Join, runtime.Policy{}),
	runtime.Bidi("Chat", echotest.Service.Chat, runtime.Policy{}),
)

// retriedTable is echotest.Table with retries.
var retriedTable = runtime.NewService(echotest.Name, wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("One", echotest.Service.One, retriedTwice),
	runtime.ServerStream("Many", echotest.Service.Many, retriedTwice),
	runtime.ClientStream("Join", echotest.Service.Join, retriedTwice),
	runtime.Bidi("Chat", echotest.Service.Chat, retriedTwice),
)

var retriedTwice = runtime.Policy{Retry: runtime.Retry{
	MaxAttempts: 2, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, Multiplier: 1,
	Codes: []string{"UNAVAILABLE"},
}}

// upstreamFailed is the detail of a status that is not passed on as it is.
var upstreamFailed = &errdetails.ErrorInfo{
	Domain: rpcerr.ErrorDomain, Reason: rpcerr.ReasonUpstreamFailed.Name(),
}

// unavailable is the message of a status of UNAVAILABLE that is not passed on as it is.
const unavailable = "a call to another service failed: unavailable"

// away returns the target of a server that is not there, and the text that names it.
func away(t *testing.T) (target string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// TestUpstreamAway checks that the caller of a proxy learns nothing of the connection behind it,
// whatever made the connection and however the error comes back.
func TestUpstreamAway(t *testing.T) {
	servicetest.NoLeaks(t)
	target := away(t)
	dialed, err := client.Dial(target, client.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	retried, err := client.Dial(target, client.WithInsecure(), client.WithServiceConfig(retriedTable))
	if err != nil {
		t.Fatal(err)
	}
	defer retried.Close()
	plain, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for name, upstream := range map[string]echotest.Service{
		"dialed":  echotest.Client{Rows: echotest.RowsOf(echotest.Table, dialed)},
		"retried": echotest.Client{Rows: echotest.RowsOf(retriedTable, retried)},
		"plain":   echotest.Client{Rows: echotest.RowsOf(echotest.Table, plain)},
		"hedged":  echotest.Client{Rows: echotest.RowsOf(hedgedTable, plain)},
	} {
		for method, err := range callEach(echotest.Context(t), upstream) {
			if st := status.Convert(err); st.Code() != codes.Unavailable || !strings.Contains(st.Message(), target) {
				t.Errorf("%s, %s: the program that calls gets %v, want all of it", name, method, err)
			}
		}
		for method, err := range callEach(echotest.Context(t), proxy(t, upstream, nil)) {
			t.Run(fmt.Sprintln(name, method), func(t *testing.T) {
				echotest.WantStatus(t, err, codes.Unavailable, unavailable, upstreamFailed)
			})
		}
		wrap := func(err error) error {
			return errors.Join(errors.New("a"), fmt.Errorf("call 10.0.0.7: %w", err))
		}
		for method, err := range callEach(echotest.Context(t), proxy(t, upstream, wrap)) {
			t.Run(fmt.Sprintln(name, method, "wrapped"), func(t *testing.T) {
				echotest.WantStatus(t, err, codes.Unavailable, unavailable, upstreamFailed)
			})
		}
		wrap = func(err error) error { return rpcerr.Wrap(err, "ask") }
		for method, err := range callEach(echotest.Context(t), proxy(t, upstream, wrap)) {
			t.Run(fmt.Sprintln(name, method, "Wrap"), func(t *testing.T) {
				echotest.WantStatus(t, err, codes.Unavailable, "ask: unavailable", upstreamFailed)
			})
		}
	}
}

// proxy serves upstream, whose errors wrap changes, and returns a client of it.
func proxy(t *testing.T, upstream echotest.Service, wrap func(error) error) echotest.Service {
	t.Helper()
	if wrap != nil {
		upstream = wrapping{upstream, wrap}
	}
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.Start(t, upstream).Conn)}
}

// wrapping is a service with other errors.
type wrapping struct {
	echotest.Service
	wrap func(error) error
}

func (w wrapping) One(ctx context.Context, req *text) (*text, error) {
	resp, err := w.Service.One(ctx, req)
	return resp, w.wrap(err)
}

func (w wrapping) Many(ctx context.Context, req *text) runtime.Stream[text] {
	return w.stream(w.Service.Many(ctx, req))
}

func (w wrapping) Join(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
	resp, err := w.Service.Join(ctx, reqs)
	return resp, w.wrap(err)
}

func (w wrapping) Chat(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
	return w.stream(w.Service.Chat(ctx, reqs))
}

func (w wrapping) stream(s runtime.Stream[text]) runtime.Stream[text] {
	return func(yield func(*text, error) bool) {
		for msg, err := range s {
			if err != nil {
				err = w.wrap(err)
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

// told is what a caller gets.
type told struct {
	code    codes.Code
	message string
	details []proto.Message
}

// shard is the message of the statuses of upstreams here.
const shard = "shard 10.0.0.7"

// TestStatusesOfAnUpstream checks what of the status of an upstream's method its proxy passes on.
func TestStatusesOfAnUpstream(t *testing.T) {
	servicetest.NoLeaks(t)
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)}
	local := &errdetails.LocalizedMessage{Locale: "de", Message: "nein"}
	all := []proto.Message{echotest.OutOfStock(nil), local, &errdetails.DebugInfo{Detail: "stack"}, retry}
	kept := []proto.Message{echotest.OutOfStock(nil), local, retry}
	programs := []proto.Message{echotest.OutOfStock(nil), retry}
	same := func(code codes.Code) told { return told{code, shard, kept} }
	masked := func(code codes.Code, words string, details ...proto.Message) told {
		if details == nil {
			details = []proto.Message{upstreamFailed}
		}
		return told{code, "a call to another service failed: " + words, details}
	}
	ofUs := masked(codes.Internal, "internal error")
	wants := map[codes.Code]struct{ bare, detailed told }{
		codes.Canceled: {told{codes.Canceled, "canceled", nil}, same(codes.Canceled)},
		codes.DeadlineExceeded: {
			told{codes.DeadlineExceeded, "deadline exceeded", nil}, same(codes.DeadlineExceeded),
		},
		codes.ResourceExhausted: {
			masked(codes.ResourceExhausted, "resource exhausted"), same(codes.ResourceExhausted),
		},
		codes.Unimplemented: {masked(codes.Unimplemented, "unimplemented"), same(codes.Unimplemented)},
		codes.Unavailable:   {masked(codes.Unavailable, "unavailable"), same(codes.Unavailable)},

		codes.Internal: {ofUs, masked(codes.Internal, "internal error", programs...)},
		codes.Unknown: {
			masked(codes.Unknown, "unknown error"), masked(codes.Unknown, "unknown error", programs...),
		},
		99: {
			masked(codes.Unknown, "unknown error"), masked(codes.Unknown, "unknown error", programs...),
		},
		codes.DataLoss: {
			masked(codes.DataLoss, "data loss"), masked(codes.DataLoss, "data loss", programs...),
		},

		codes.Unauthenticated:  {ofUs, ofUs},
		codes.PermissionDenied: {ofUs, ofUs},
	}
	for _, code := range []codes.Code{codes.InvalidArgument, codes.NotFound, codes.AlreadyExists,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange} {
		wants[code] = struct{ bare, detailed told }{told{code, shard, nil}, same(code)}
	}
	for code, want := range wants {
		passesOn(t, status.Error(code, shard), want.bare)
		passesOn(t, echotest.StatusError(t, code, shard, all...), want.detailed)
	}
}

// passesOn compares what callers of a proxy get whose upstream's methods fail with err.
func passesOn(t *testing.T, err error, want told) {
	t.Helper()
	for method, got := range callEach(echotest.Context(t), proxy(t, stock(t, err), nil)) {
		t.Run(fmt.Sprintln(err, method), func(t *testing.T) {
			echotest.WantStatus(t, got, want.code, want.message, want.details...)
		})
	}
}

// stock returns a client of a server of grpc's own, whose methods return err as it is.
func stock(t *testing.T, err error) echotest.Service {
	t.Helper()
	fail := func(any, grpc.ServerStream) error { return err }
	conn := echotest.ServeGRPC(t, grpc.NewServer(grpc.UnknownServiceHandler(fail)))
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
}

// TestCredentialsOfTheCaller checks that a caller learns that its credentials are rejected where
// they were passed on, and only there.
func TestCredentialsOfTheCaller(t *testing.T) {
	upstream := stock(t, echotest.StatusError(t, codes.Unauthenticated, "the token has expired", echotest.OutOfStock(nil)))
	for name, test := range map[string]struct {
		sends string // to the upstream
		code  codes.Code
	}{
		"passed on": {"Bearer caller", codes.Unauthenticated},
		"our own":   {"Bearer proxy", codes.Internal},
		"none":      {"", codes.Internal},
	} {
		one := func(ctx context.Context, req *text) (*text, error) {
			if test.sends != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", test.sends)
			}
			return upstream.One(ctx, req)
		}
		server := proxy(t, echotest.Funcs{OneFunc: one}, nil)
		ctx := metadata.AppendToOutgoingContext(echotest.Context(t), "authorization", "Bearer caller")
		_, err := server.One(ctx, &text{})
		if status.Code(err) != test.code {
			t.Errorf("%s: got %v, want %v", name, err, test.code)
		}
	}
}

// TestUnknownCodesAreUnknown checks the codes that gRPC does not define, in a method's own status
// too.
func TestUnknownCodesAreUnknown(t *testing.T) {
	stub := echotest.Connect(t, echotest.Behaving(func(context.Context) error { return status.Error(99, "odd") }))
	for method, err := range callEach(echotest.Context(t), stub) {
		t.Run(fmt.Sprintln(method), func(t *testing.T) {
			echotest.WantStatus(t, err, codes.Unknown, "odd")
		})
	}
	for method, err := range callEach(echotest.Context(t), stock(t, status.Error(99, "odd"))) {
		t.Run(fmt.Sprintln(method, "of another server"), func(t *testing.T) {
			echotest.WantStatus(t, err, codes.Unknown, "odd")
		})
	}
	wrapped := fmt.Errorf("x: %w", status.Error(99, "odd"))
	echotest.WantStatus(t, rpcerr.PublicStatus(wrapped).Err(), codes.Unknown, "odd")
}

// TestErrorsOfInterceptorsAreStatuses checks errors of connections that are no statuses.
func TestErrorsOfInterceptorsAreStatuses(t *testing.T) {
	own := errors.New("no token at 10.0.0.7")
	for name, test := range map[string]struct {
		err  error
		code codes.Code
	}{
		"plain":    {own, codes.Unknown},
		"deadline": {fmt.Errorf("limiter: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
		"canceled": {context.Canceled, codes.Canceled},
		"retries":  {fmt.Errorf("max retries exhausted: failed after 2 attempts: %w", io.EOF), codes.Unavailable},
		"odd":      {status.Error(99, "odd"), codes.Unknown},
	} {
		for where, conn := range map[string]grpc.ClientConnInterface{
			"opening": brokenConn{open: test.err}, "sending": brokenConn{send: test.err},
			"closing": brokenConn{closing: test.err}, "receiving": brokenConn{receive: test.err},
		} {
			if name == "retries" && where != "opening" { // a stream has its status
				continue
			}
			for _, table := range []*runtime.Service[echotest.Service]{echotest.Table, hedgedTable} {
				stub := echotest.Client{Rows: echotest.RowsOf(table, conn)}
				for method, err := range callEach(echotest.Context(t), stub) {
					if st, ok := status.FromError(err); !ok || st.Code() != test.code || !errors.Is(err, test.err) {
						t.Errorf("%s, %s, %s: got %v, want %v that wraps the error", name, where, method, err, test.code)
					}
				}
				for method, err := range callEach(echotest.Context(t), proxy(t, stub, nil)) {
					if st := status.Convert(err); st.Code() != test.code || strings.Contains(st.Message(), "10.0.0.7") {
						t.Errorf("%s, %s, %s: the caller of a proxy gets %v, want %v", name, where, method, err, test.code)
					}
				}
			}
		}
	}
}

// brokenConn is a connection that fails; what does not fail waits for the end of the call.
type brokenConn struct{ open, send, closing, receive error }

func (c brokenConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return errors.Join(c.open, c.send, c.closing, c.receive) // one of them
}

func (c brokenConn) NewStream(
	ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if c.open != nil {
		return nil, c.open
	}
	return brokenStream{conn: c, ctx: ctx}, nil
}

type brokenStream struct {
	grpc.ClientStream
	conn brokenConn
	ctx  context.Context
}

func (s brokenStream) SendMsg(any) error { return s.conn.send }
func (s brokenStream) CloseSend() error  { return s.conn.closing }

func (s brokenStream) RecvMsg(any) error {
	if s.conn.receive != nil {
		return s.conn.receive
	}
	<-s.ctx.Done()
	return status.FromContextError(s.ctx.Err()).Err()
}

// endedStream is a call that the server has ended with OK, which shows only when something is
// received.
type endedStream struct {
	grpc.ClientStream
	answers int
}

func (*endedStream) SendMsg(any) error { return nil }
func (*endedStream) CloseSend() error  { return nil }
func (s *endedStream) RecvMsg(any) error {
	if s.answers--; s.answers < 0 {
		return io.EOF
	}
	return nil
}

type endedConn struct{ grpc.ClientConnInterface }

func (endedConn) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return &endedStream{answers: 1}, nil
}

// TestCallsThatHaveSucceeded checks that a call which the server has ended is OK, though its
// requests fail before the client has noticed.
func TestCallsThatHaveSucceeded(t *testing.T) {
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, endedConn{})}
	failed := runtime.Fail[text](errors.New("broken disk"))
	if _, err := stub.Join(echotest.Context(t), failed); err != nil {
		t.Errorf("Join: %v", err)
	}
	if _, err := echotest.Gather(stub.Chat(echotest.Context(t), failed)); err != nil {
		t.Errorf("Chat: %v", err)
	}
}

// TestFailedRequestsOfAProxy checks that the text of an error of requests stays with the program
// that made them.
func TestFailedRequestsOfAProxy(t *testing.T) {
	upstream := echotest.Connect(t, echotest.Behaving(func(context.Context) error { return nil }))
	failed := runtime.Fail[text](errors.New("disk /dev/sda7 is broken"))
	server := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.Start(t, echotest.Funcs{
		JoinFunc: func(ctx context.Context, _ runtime.Stream[text]) (*text, error) { return upstream.Join(ctx, failed) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
			return upstream.Chat(ctx, failed)
		},
	}).Conn)}
	unknown := &errdetails.ErrorInfo{Domain: rpcerr.ErrorDomain, Reason: rpcerr.ReasonUnknown.Name()}
	_, err := server.Join(echotest.Context(t), echotest.Texts("a"))
	echotest.WantStatus(t, err, codes.Unknown, "unknown error", unknown)
	_, err = echotest.Gather(server.Chat(echotest.Context(t), echotest.Texts("a")))
	echotest.WantStatus(t, err, codes.Unknown, "unknown error", unknown)
}

// TestPipesEndWithTheirCall checks calls whose requests come from a pipe, as the docs recommend.
func TestPipesEndWithTheirCall(t *testing.T) {
	stub := echotest.Connect(t, echotest.Behaving(func(context.Context) error { return nil }))
	for range 50 {
		for _, want := range []codes.Code{codes.DeadlineExceeded, codes.Canceled} {
			for method, call := range map[string]func(context.Context) error{
				"Join": func(ctx context.Context) error {
					_, err := stub.Join(ctx, streams.NewPipe[text](ctx).Stream())
					return err
				},
				"Chat": func(ctx context.Context) error {
					_, err := echotest.Gather(stub.Chat(ctx, streams.NewPipe[text](ctx).Stream()))
					return err
				},
			} {
				ctx, cancel := context.WithCancel(context.Background())
				if want == codes.DeadlineExceeded {
					ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
				} else {
					time.AfterFunc(time.Millisecond, cancel)
				}
				err := call(ctx)
				cancel()
				if st, ok := status.FromError(err); !ok || st.Code() != want {
					t.Fatalf("%s: got %v, want %v", method, err, want)
				}
			}
		}
	}
}
