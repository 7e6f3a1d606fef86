package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// big is a text that compression makes much smaller.
var big = strings.Repeat("compressible ", 1000)

// wire is what a side saw of the other's messages.
type wire struct {
	encoding string // of the headers; "" is none
	wire     int    // bytes of messages as they were sent
	length   int    // of messages after decompression
}

// wireTap notes what comes in. This package's tests do not import grpc's encoding/gzip: the runtime
// has to.
type wireTap struct {
	mu  sync.Mutex
	got wire
}

func (w *wireTap) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (w *wireTap) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (w *wireTap) HandleConn(context.Context, stats.ConnStats)                       {}
func (w *wireTap) HandleRPC(_ context.Context, s stats.RPCStats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s := s.(type) {
	case *stats.InHeader:
		w.got.encoding = s.Compression
	case *stats.InPayload:
		w.got.wire += s.CompressedLength
		w.got.length += s.Length
	}
}

// take returns what was noted, and forgets it.
func (w *wireTap) take() wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = wire{}
	return got
}

// answering returns an implementation that answers with texts, once for a call with one response.
func answering(ctxDo func(context.Context), texts ...string) echotest.Funcs {
	one := func(ctx context.Context) (*text, error) {
		ctxDo(ctx)
		return wrapperspb.String(texts[0]), nil
	}
	all := func(ctx context.Context) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			ctxDo(ctx)
			for _, s := range texts {
				if !yield(wrapperspb.String(s), nil) {
					return
				}
			}
		}
	}
	drain := func(reqs runtime.Stream[text]) (err error) {
		for _, err = range reqs {
		}
		return err
	}
	return echotest.Funcs{
		OneFunc:  func(ctx context.Context, _ *text) (*text, error) { return one(ctx) },
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] { return all(ctx) },
		JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			if err := drain(reqs); err != nil {
				return nil, err
			}
			return one(ctx)
		},
		ChatFunc: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			if err := drain(reqs); err != nil {
				return runtime.Fail[text](err)
			}
			return all(ctx)
		},
	}
}

func leaveIt(context.Context) {}

// TestClientsThatCompressAreServed calls each kind of RPC with compressed requests: on a Server, on
// a server of grpc's own, and of a service by other generators.
func TestClientsThatCompressAreServed(t *testing.T) {
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.Table, answering(leaveIt, big))
		testgrpc.RegisterTestServiceServer(srv, stockService{do: func(context.Context) error { return nil }})
	})
	own := grpc.NewServer()
	on := server.On(own, server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](on, echotest.Table, answering(leaveIt, big))
	testgrpc.RegisterTestServiceServer(on, stockService{do: func(context.Context) error { return nil }})
	for name, conn := range map[string]*grpc.ClientConn{"Server": srv.Conn, "On": echotest.ServeGRPC(t, own)} {
		for kind, call := range echotest.Kinds {
			if err := call(echotest.Context(t), conn, grpc.UseCompressor("gzip")); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
		stub := testgrpc.NewTestServiceClient(conn)
		if _, err := stub.EmptyCall(echotest.Context(t), new(testgrpc.Empty), grpc.UseCompressor("gzip")); err != nil {
			t.Errorf("%s, a foreign unary method: %v", name, err)
		}
		ss, err := stub.FullDuplexCall(echotest.Context(t), grpc.UseCompressor("gzip"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ss.Recv(); echotest.EndOf(err) != nil {
			t.Errorf("%s, a foreign stream: %v", name, err)
		}
	}
}

// TestResponsesAreCompressedWhereItPays holds which responses a server compresses, for each kind of
// RPC.
func TestResponsesAreCompressedWhereItPays(t *testing.T) {
	compress := []grpc.CallOption{grpc.UseCompressor("gzip")}
	choose := func(on bool) func(context.Context) {
		return func(ctx context.Context) { server.CompressResponse(ctx, on) }
	}
	for name, test := range map[string]struct {
		opts []server.Option
		call []grpc.CallOption
		resp string
		do   func(context.Context)
		want bool
	}{
		"a large response to a compressed request": {call: compress, resp: big, want: true},
		"a small response to a compressed request": {call: compress, resp: "small"},
		"a large response to a plain request":      {resp: big},
		"at the limit":                             {call: compress, resp: big[:server.CompressionThreshold-3], want: true}, // and 3 bytes of the field
		"below the limit":                          {call: compress, resp: big[:server.CompressionThreshold-4]},
		"a lower limit":                            {opts: compression(server.CompressAsked, 5), call: compress, resp: "small", want: true},
		"no limit, as grpc alone":                  {opts: compression(server.CompressAsked, 0), call: compress, resp: "s", want: true},
		"for all that accept it":                   {opts: compression(server.CompressAccepted, 100), resp: big, want: true},
		"for all that accept it, a small response": {opts: compression(server.CompressAccepted, 100), resp: "small"},
		"never":                          {opts: compression(server.CompressNever, 0), call: compress, resp: big},
		"a method that wants it":         {resp: "small", do: choose(true), want: true},
		"a method that does not want it": {opts: compression(server.CompressAccepted, 1), call: compress, resp: big, do: choose(false)},
	} {
		t.Run(name, func(t *testing.T) {
			do := test.do
			if do == nil {
				do = leaveIt
			}
			srv, tap := tapped(t, answering(do, test.resp, test.resp), test.opts...)
			for kind, call := range echotest.Kinds {
				if err := call(echotest.Context(t), srv, test.call...); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				got := tap.take()
				if (got.encoding == "gzip") != test.want || test.want && len(test.resp) > 100 && got.wire*4 > got.length || !test.want && got.wire != got.length {
					t.Errorf("%s: %+v; want compressed: %v", kind, got, test.want)
				}
			}
		})
	}
}

// TestTheFirstResponseDecides holds what a stream of both small and large responses is.
func TestTheFirstResponseDecides(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		want  string
	}{
		"large first": {[]string{big, "small"}, "gzip"},
		"small first": {[]string{"small", big}, ""},
	} {
		conn, tap := tapped(t, answering(leaveIt, test.texts...))
		if err := echotest.Kinds["Many"](echotest.Context(t), conn, grpc.UseCompressor("gzip")); err != nil {
			t.Fatal(err)
		}
		if got := tap.take(); got.encoding != test.want && (got.encoding != "identity" || test.want != "") {
			t.Errorf("%s: %+v, want %q", name, got, test.want)
		}
	}
}

// TestOtherClientsAreAnsweredAsTheyAsk sends the headers that clients in other languages send.
func TestOtherClientsAreAnsweredAsTheyAsk(t *testing.T) {
	wantIt := func(ctx context.Context) { server.CompressResponse(ctx, true) }
	for name, test := range map[string]struct {
		headers [][2]string
		mode    server.ResponseCompression
		want    string
		do      func(context.Context)
	}{
		"Java":                                {[][2]string{{"grpc-accept-encoding", "gzip"}}, server.CompressAccepted, "gzip", leaveIt},
		"C++ and Python":                      {[][2]string{{"grpc-accept-encoding", "identity, deflate, gzip"}}, server.CompressAccepted, "gzip", leaveIt},
		"two headers":                         {[][2]string{{"grpc-accept-encoding", "identity"}, {"grpc-accept-encoding", "gzip"}}, server.CompressAccepted, "gzip", leaveIt},
		"one without gzip":                    {[][2]string{{"grpc-accept-encoding", "identity,deflate"}}, server.CompressAccepted, "", leaveIt},
		"one that says nothing":               {nil, server.CompressAccepted, "", leaveIt},
		"plain requests":                      {[][2]string{{"grpc-accept-encoding", "gzip"}}, server.CompressAsked, "", leaveIt},
		"compressed requests":                 {[][2]string{{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "gzip"}}, server.CompressAsked, "gzip", leaveIt},
		"compressed requests, says no more":   {[][2]string{{"grpc-encoding", "gzip"}}, server.CompressAsked, "gzip", leaveIt},
		"compressed requests, but no answers": {[][2]string{{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity"}}, server.CompressAsked, "identity", leaveIt},
		"a method that wants it":              {[][2]string{{"grpc-accept-encoding", "gzip"}}, server.CompressNever, "gzip", wantIt},
		"one that does not accept it":         {[][2]string{{"grpc-accept-encoding", "identity"}}, server.CompressNever, "", wantIt},
		"one that asks and does not accept":   {[][2]string{{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity"}}, server.CompressNever, "identity", wantIt},
		"identity by name":                    {[][2]string{{"grpc-encoding", "identity"}, {"grpc-accept-encoding", "gzip"}}, server.CompressAsked, "", leaveIt},
	} {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
			server.WithResponseCompression(test.mode, server.CompressionThreshold))
		server.Register[echotest.Service](srv, echotest.Table, answering(test.do, big))
		framer := rawConn(t, echotest.ListenAndServe(t, srv))
		sendRaw(t, framer, "/test.v1.Echo/One", []byte{0, 0, 0, 0, 0}, test.headers...)
		if got := responseEncoding(t, framer); got != test.want {
			t.Errorf("%s: grpc-encoding %q, want %q", name, got, test.want)
		}
	}
}

// TestSizesAreCountedAfterDecompression checks that compression does not get a request past a
// limit. The caller of one that is larger than grpc's limit gets grpc's own status; observers see
// the reason.
func TestSizesAreCountedAfterDecompression(t *testing.T) {
	for name, test := range map[string]struct {
		most  int64
		bytes int
		told  rpcerr.Reason
	}{
		"the policy's limit": {int64(len(big)) - 1, len(big), rpcerr.ReasonRequestTooLarge},
		"the server's limit": {0, server.MaxRecvMsgSize, ""},
	} {
		ended := make(reasons, 2)
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{MaxRequestBytes: test.most}), echotest.Behaving(func(context.Context) error { return nil }))
		}, server.WithObservers(ended))
		req := wrapperspb.String(strings.Repeat("a", test.bytes))
		one := func() error {
			return srv.Conn.Invoke(echotest.Context(t), "/test.v1.Echo/One", req, new(text), grpc.UseCompressor("gzip"))
		}
		join := func() error {
			cs, err := srv.Conn.NewStream(echotest.Context(t), &grpc.StreamDesc{ClientStreams: true}, "/test.v1.Echo/Join", grpc.UseCompressor("gzip"))
			if err != nil {
				return err
			}
			_ = cs.SendMsg(req)
			_ = cs.CloseSend()
			return cs.RecvMsg(new(text))
		}
		for kind, call := range map[string]func() error{"One": one, "Join": join} {
			if err := call(); status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != test.told {
				t.Errorf("%s, %s: %v with reason %q", name, kind, err, rpcerr.ReasonOf(err))
			}
		}
		for range 2 {
			if got := echotest.Within(t, ended); got != rpcerr.ReasonRequestTooLarge {
				t.Errorf("%s: observers see the reason %q", name, got)
			}
		}
	}
}

// reasons is an observer that passes on the reasons of failed calls.
type reasons chan rpcerr.Reason

func (r reasons) Bind(runtime.MethodInfo) runtime.MethodObserver            { return r }
func (r reasons) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }
func (r reasons) End(_ context.Context, _ runtime.Call, outcome runtime.Outcome) {
	r <- rpcerr.ReasonOf(outcome.Err)
}

// TestBombsStayBounded sends 64 KiB that decompress to 64 MiB. The server stops at its limit, and
// does not begin for a caller that it does not know.
func TestBombsStayBounded(t *testing.T) {
	bomb := gzipFrame(t, 64<<20)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithAuthenticator(byToken))
	server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{AllOf: []string{"read"}}}), echotest.Behaving(func(context.Context) error { return nil }))
	addr := echotest.ListenAndServe(t, srv)
	gzipped := [2]string{"grpc-encoding", "gzip"}
	for _, method := range []string{"One", "Join"} {
		for name, test := range map[string]struct {
			headers [][2]string
			want    codes.Code
			most    uint64 // bytes allocated
		}{
			"a known caller":    {[][2]string{gzipped, {"authorization", "read"}}, codes.ResourceExhausted, 24 << 20},
			"an unknown caller": {[][2]string{gzipped}, codes.Unauthenticated, 2 << 20},
		} {
			framer := rawConn(t, addr)
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			sendRaw(t, framer, "/test.v1.Echo/"+method, bomb, test.headers...)
			got := readStatus(t, framer)
			goruntime.ReadMemStats(&after)
			if got != test.want {
				t.Errorf("%s, %s: %v, want %v", method, name, got, test.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > test.most {
				t.Errorf("%s, %s: allocated %d bytes, at most %d", method, name, used, test.most)
			}
		}
	}
}

// TestClientsCompressRequests holds what [client.WithRequestCompression] compresses.
func TestClientsCompressRequests(t *testing.T) {
	tap := new(wireTap)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithGRPCOptions(grpc.StatsHandler(tap)))
	server.Register[echotest.Service](srv, echotest.Table, answering(leaveIt, "small"))
	addr := echotest.ListenAndServe(t, srv)
	conn, err := client.Dial(addr, client.WithInsecure(), client.WithRequestCompression(1000))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stub := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	small, large := wrapperspb.String("small"), wrapperspb.String(big)
	stream := func(reqs ...*text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for _, req := range reqs {
				if !yield(req, nil) {
					return
				}
			}
		}
	}
	drain := func(responses runtime.Stream[text]) (err error) {
		for _, err = range responses {
		}
		return err
	}
	plain := client.WithCallOptions(echotest.Context(t), grpc.UseCompressor("identity"))
	for name, test := range map[string]struct {
		call func() error
		want bool
	}{
		"a small request":             {func() error { _, err := stub.One(echotest.Context(t), small); return err }, false},
		"a large request":             {func() error { _, err := stub.One(echotest.Context(t), large); return err }, true},
		"a large one, told otherwise": {func() error { _, err := stub.One(plain, large); return err }, false},
		"requests of a stream":        {func() error { _, err := stub.Join(echotest.Context(t), stream(large)); return err }, true},
		"a bidi stream":               {func() error { return drain(stub.Chat(echotest.Context(t), stream(large))) }, true},
		"a stream, told otherwise":    {func() error { _, err := stub.Join(plain, stream(large)); return err }, false},
		"a small request, for many":   {func() error { return drain(stub.Many(echotest.Context(t), small)) }, false},
	} {
		if err := test.call(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := tap.take(); (got.encoding == "gzip") != test.want || got.length > 1000 && (got.wire < got.length/4) != test.want {
			t.Errorf("%s: %+v; want compressed: %v", name, got, test.want)
		}
	}
	if _, err := client.Dial(addr, client.WithInsecure(), client.WithRequestCompression(-1)); err == nil || !strings.Contains(err.Error(), "WithRequestCompression(-1)") {
		t.Errorf("a negative threshold: %v", err)
	}
}

// TestCompressionOptionsAreChecked holds the errors of wrong options.
func TestCompressionOptionsAreChecked(t *testing.T) {
	for _, opt := range []server.Option{
		server.WithResponseCompression(server.CompressAsked, -1), server.WithResponseCompression(99, 0),
	} {
		if err := server.New(opt).Run(context.Background(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "WithResponseCompression(") {
			t.Errorf("Run: %v", err)
		}
	}
	server.CompressResponse(context.Background(), true) // outside of a call it does nothing
}

func compression(mode server.ResponseCompression, minBytes int) []server.Option {
	return []server.Option{server.WithResponseCompression(mode, minBytes)}
}

// tapped serves impl, and returns a connection to it whose responses are noted.
func tapped(t *testing.T, impl echotest.Service, opts ...server.Option) (*grpc.ClientConn, *wireTap) {
	t.Helper()
	srv := server.New(append(opts, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))...)
	server.Register[echotest.Service](srv, echotest.Table, impl)
	tap := new(wireTap)
	conn, err := client.Dial(echotest.ListenAndServe(t, srv), client.WithInsecure(), client.WithDialOptions(grpc.WithStatsHandler(tap)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.ClientConn, tap
}

// gzipFrame returns a message of n zero bytes, compressed and with its prefix.
func gzipFrame(t *testing.T, n int) []byte {
	t.Helper()
	buf := bytes.NewBuffer(make([]byte, 5))
	w, err := gzip.NewWriterLevel(buf, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<16)
	for ; n > 0; n -= len(block) {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	frame := buf.Bytes()
	frame[0] = 1
	binary.BigEndian.PutUint32(frame[1:], uint32(len(frame)-5))
	return frame
}

// sendRaw sends a call with more headers and one message, in as many DATA frames as it takes.
func sendRaw(t *testing.T, framer *http2.Framer, path string, message []byte, headers ...[2]string) {
	t.Helper()
	block := bytes.NewBuffer(requestHeaders(t, path))
	encoder := hpack.NewEncoder(block)
	for _, h := range headers {
		if err := encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	for ; err == nil && len(message) > 1<<14; message = message[1<<14:] {
		err = framer.WriteData(1, false, message[:1<<14])
	}
	if err := errors.Join(err, framer.WriteData(1, true, message)); err != nil {
		t.Fatal(err)
	}
}

// responseEncoding reads up to the first headers, and returns the encoding in them.
func responseEncoding(t *testing.T, framer *http2.Framer) string {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := frame.(*http2.MetaHeadersFrame); ok {
			for _, field := range f.Fields {
				if field.Name == "grpc-encoding" {
					return field.Value
				}
			}
			return ""
		}
	}
}

// limitedStream is the stream of an interceptor that bounds the rate of messages.
type limitedStream struct{ grpc.ServerStream }

func (limitedStream) RecvMsg(any) error { return status.Error(codes.ResourceExhausted, "slow down") }

// TestRatesOfInterceptorsAreNotSizes checks that RESOURCE_EXHAUSTED of an interceptor around the
// pipeline stays what it is: only grpc's own is about the size of a request.
func TestRatesOfInterceptorsAreNotSizes(t *testing.T) {
	ended := make(reasons, 1)
	limit := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, limitedStream{ss})
	}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		impl := echotest.Behaving(func(context.Context) error { return nil })
		server.Register[echotest.Service](srv, echotest.Table, impl)
	}, server.WithObservers(ended), server.WithGRPCOptions(grpc.ChainStreamInterceptor(limit)))
	calls := kindsOf(echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn)})
	for _, kind := range []string{"Many", "Join", "Chat"} {
		err := calls[kind](echotest.Context(t))
		if status.Convert(err).Message() != "slow down" || rpcerr.ReasonOf(err) != "" {
			t.Errorf("%s: %v with reason %q", kind, err, rpcerr.ReasonOf(err))
		}
		if got := echotest.Within(t, ended); got != "" {
			t.Errorf("%s: observers see the reason %q", kind, got)
		}
	}
}
