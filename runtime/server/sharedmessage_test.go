package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// textOf returns a message of n bytes, of which gzip saves some.
func textOf(n int) *text {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(random.IntN(256))
	}
	size := n - 2
	for size > 0 && 1+len(appendVarint(size))+size > n {
		size--
	}
	return wrapperspb.String(base64.StdEncoding.EncodeToString(raw)[:size])
}

func appendVarint(n int) (p []byte) {
	for ; n >= 0x80; n >>= 7 {
		p = append(p, byte(n)|0x80)
	}
	return append(p, byte(n))
}

// sharing returns an implementation whose streams all send the messages, shared or each as its own.
func sharing(share bool, messages ...*text) echotest.Funcs {
	var all []*encoded.Shared[text]
	for _, msg := range messages {
		all = append(all, encoded.Share(msg))
	}
	send := func(ctx context.Context) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for _, s := range all {
				if share {
					encoded.Next(encoded.SenderOf(ctx), s)
				}
				if !yield(s.Message(), nil) {
					return
				}
			}
		}
	}
	return echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] { return send(ctx) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] { return send(ctx) },
	}
}

// sentTap notes what a server gives to grpc for sending.
type sentTap struct {
	wireTap
	mu       sync.Mutex
	payloads []any
}

func (s *sentTap) HandleRPC(_ context.Context, event stats.RPCStats) {
	if sent, ok := event.(*stats.OutPayload); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.payloads = append(s.payloads, sent.Payload)
	}
}

// prepared returns how many of the messages were encoded before, and how many encoded forms they
// had.
func (s *sentTap) prepared() (messages, forms int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	distinct := map[*grpc.PreparedMsg]bool{}
	for _, payload := range s.payloads {
		if p, ok := payload.(*grpc.PreparedMsg); ok {
			messages++
			distinct[p] = true
		}
	}
	return messages, len(distinct)
}

// rawBody opens a stream and returns all the bytes of its DATA frames.
func rawBody(t *testing.T, addr, method string, headers ...[2]string) []byte {
	t.Helper()
	framer := rawConn(t, addr)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 24}); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteWindowUpdate(0, 1<<24); err != nil {
		t.Fatal(err)
	}
	sendRaw(t, framer, "/test.v1.Echo/"+method, []byte{0, 0, 0, 0, 0}, headers...)
	var body bytes.Buffer
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			body.Write(f.Data())
		case *http2.MetaHeadersFrame:
			if code, ok := statusIn(t, f); ok {
				if code != codes.OK {
					t.Fatal(code)
				}
				return body.Bytes()
			}
		}
	}
}

// upperCodec is a codec that no one else has.
type upperCodec struct{ encoding.CodecV2 }

func (c upperCodec) Marshal(v any) (mem.BufferSlice, error) {
	if msg, ok := v.(*text); ok {
		v = wrapperspb.String(strings.ToUpper(msg.GetValue()))
	}
	return c.CodecV2.Marshal(v)
}

// TestSharedMessagesAreOnTheWireAsOthers compares the bytes of streams that share their messages
// with those of streams that do not, for each way in which a stream comes to its compressor.
func TestSharedMessagesAreOnTheWireAsOthers(t *testing.T) {
	gzipped := [][2]string{{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "gzip"}}
	accepting := [][2]string{{"grpc-accept-encoding", "gzip"}}
	wrapped := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, struct{ grpc.ServerStream }{ss})
	}
	for name, test := range map[string]struct {
		opts     []server.Option
		headers  [][2]string
		prepared bool
	}{
		"identity":                    {prepared: true},
		"identity by name":            {headers: [][2]string{{"grpc-encoding", "identity"}}, prepared: true},
		"gzip as grpc alone":          {compression(server.CompressAsked, 0), gzipped, true},
		"gzip from a size":            {nil, gzipped, true},
		"gzip for all that accept it": {compression(server.CompressAccepted, 0), accepting, true},
		"gzip that is turned off":     {compression(server.CompressNever, 0), gzipped, true},
		"a codec of the server's own": {opts: []server.Option{server.WithGRPCOptions(grpc.ForceServerCodecV2(upperCodec{encoding.GetCodecV2("proto")}))}},
		//lint:ignore SA1019 servers may still use it
		"a compressor of the server's":    {opts: []server.Option{server.WithGRPCOptions(grpc.RPCCompressor(grpc.NewGZIPCompressor()))}},
		"an interceptor around the calls": {opts: []server.Option{server.WithGRPCOptions(grpc.ChainStreamInterceptor(wrapped))}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{90, 619, 5300, 100_000} {
				for _, method := range []string{"Many", "Chat"} {
					var bodies [2][]byte
					for i, share := range []bool{false, true} {
						tap := new(sentTap)
						srv := server.New(append(test.opts, server.WithLogger(slog.New(slog.DiscardHandler)),
							server.WithDrainDelay(0), server.WithGRPCOptions(grpc.StatsHandler(tap)))...)
						server.Register[echotest.Service](srv, echotest.Table, sharing(share, textOf(size), textOf(size+1)))
						addr := echotest.ListenAndServe(t, srv)
						bodies[i] = rawBody(t, addr, method, test.headers...)
						if again := rawBody(t, addr, method, test.headers...); !bytes.Equal(again, bodies[i]) {
							t.Fatalf("%s of %d bytes: the second stream is different", method, size)
						}
						messages, forms := tap.prepared()
						if want := share && test.prepared; want && (messages != 4 || forms != 2) || !want && messages != 0 {
							t.Errorf("%s of %d bytes, shared: %v: %d messages were encoded before, as %d", method, size, share, messages, forms)
						}
					}
					if len(bodies[0]) < 2*size/3 || !bytes.Equal(bodies[0], bodies[1]) {
						t.Errorf("%s of %d bytes: %d bytes shared, %d bytes otherwise", method, size, len(bodies[1]), len(bodies[0]))
					}
				}
			}
		})
	}
}

// TestManyStreamsShareMessages sends the same messages over streams of several compressors at a
// time.
func TestManyStreamsShareMessages(t *testing.T) {
	var messages []*text
	for i := range 50 {
		messages = append(messages, textOf(1100+i))
	}
	tap, sent := new(sentTap), make(sentCounts, 40)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.Table, sharing(true, messages...))
	}, server.WithGRPCOptions(grpc.StatsHandler(tap)), server.WithObservers(sent))
	var streams sync.WaitGroup
	for i := range 40 {
		var opts []grpc.CallOption
		if i%2 == 0 {
			opts = append(opts, grpc.UseCompressor("gzip"))
		}
		streams.Go(func() {
			if err := receiveThese(t, srv.Conn, messages, opts...); err != nil {
				t.Error(err)
			}
		})
	}
	streams.Wait()
	if n, forms := tap.prepared(); n != 40*50 || forms != 2*50 {
		t.Errorf("%d messages were encoded before, as %d; want 2000 and 100", n, forms)
	}
	for range 40 {
		if n := echotest.Within(t, sent); n != 50 {
			t.Errorf("observers count %d messages, want 50", n)
		}
	}
}

// sentCounts is an observer of how many messages streams have sent.
type sentCounts chan int64

func (s sentCounts) Bind(runtime.MethodInfo) runtime.MethodObserver            { return s }
func (s sentCounts) Begin(ctx context.Context, _ runtime.Call) context.Context { return ctx }
func (s sentCounts) End(_ context.Context, call runtime.Call, _ runtime.Outcome) {
	s <- call.Sent()
}

// receiveThese calls Many and compares its responses with messages.
func receiveThese(t *testing.T, conn *grpc.ClientConn, messages []*text, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cs, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.v1.Echo/Many", opts...)
	if err != nil {
		return err
	}
	_ = cs.SendMsg(echotest.TenBytes) // RecvMsg returns the reason
	_ = cs.CloseSend()
	for i, want := range messages {
		got := new(text)
		if err := cs.RecvMsg(got); err != nil || got.GetValue() != want.GetValue() {
			return fmt.Errorf("message %d: %.20q, %v", i, got.GetValue(), err)
		}
	}
	return echotest.EndOf(cs.RecvMsg(new(text)))
}

// TestSharedMessagesPassInterceptorsAsThemselves checks that an interceptor, of the server or of
// grpc, sees the message and may replace it.
func TestSharedMessagesPassInterceptorsAsThemselves(t *testing.T) {
	messages := []*text{textOf(90), textOf(91)}
	replace := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, replacing{ss})
	}
	for name, opt := range map[string]server.Option{
		"of the server": server.WithStreamInterceptors(replace),
		"of grpc":       server.WithGRPCOptions(grpc.ChainStreamInterceptor(replace)),
	} {
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.Table, sharing(true, messages...))
		}, opt)
		if err := receiveThese(t, srv.Conn, []*text{wrapperspb.String("replaced"), wrapperspb.String("replaced")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// replacing sends another message for each.
type replacing struct{ grpc.ServerStream }

func (r replacing) SendMsg(m any) error {
	if _, ok := m.(*text); !ok {
		return status.Errorf(codes.Internal, "the message is a %T", m)
	}
	return r.ServerStream.SendMsg(wrapperspb.String("replaced"))
}

// TestSharedMessagesThatCannotBeSent checks that a message which is too large, or cannot be
// encoded, ends the stream as any other does.
func TestSharedMessagesThatCannotBeSent(t *testing.T) {
	for name, msg := range map[string]*text{"too large": textOf(1000), "invalid UTF-8": wrapperspb.String("\xff")} {
		var errs [2]error
		for i, share := range []bool{false, true} {
			srv := echotest.StartServer(t, func(srv *server.Server) {
				server.Register[echotest.Service](srv, echotest.Table, sharing(share, msg))
			}, server.WithGRPCOptions(grpc.MaxSendMsgSize(999)))
			errs[i] = receiveThese(t, srv.Conn, []*text{msg})
		}
		if errs[0] == nil || errs[1] == nil || errs[0].Error() != errs[1].Error() {
			t.Errorf("%s: %v shared, %v otherwise", name, errs[1], errs[0])
		}
	}
}

// TestSharedMessagesInProcess checks that the caller of a method gets the message itself, without a
// server too.
func TestSharedMessagesInProcess(t *testing.T) {
	msg := textOf(90)
	for got, err := range sharing(true, msg).Many(context.Background(), nil) {
		if got != msg || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// namedCodec is an upperCodec that is registered under its name. If it has a list, values of its
// type cannot be compared.
type namedCodec struct {
	upperCodec
	name string
	list []string
}

func (c namedCodec) Name() string { return c.name }

// registerCodecs registers third-party codecs, which clients select by the content-subtype.
var registerCodecs = sync.OnceFunc(func() {
	own := upperCodec{encoding.GetCodecV2("proto")}
	encoding.RegisterCodecV2(&namedCodec{upperCodec: own, name: "upper"})
	encoding.RegisterCodecV2(namedCodec{upperCodec: own, name: "upper-list", list: []string{"a"}})
})

// TestSharedMessagesOfOtherCodecs checks that streams with a registered third-party codec encode
// each message with it, while others share the encoded messages.
func TestSharedMessagesOfOtherCodecs(t *testing.T) {
	registerCodecs()
	var messages, upper []*text
	for i := range 20 {
		msg := textOf(1200 + i)
		messages, upper = append(messages, msg), append(upper, wrapperspb.String(strings.ToUpper(msg.GetValue())))
	}
	tap := new(sentTap)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.Table, sharing(true, messages...))
	}, server.WithGRPCOptions(grpc.StatsHandler(tap)))
	var streams sync.WaitGroup
	for range 4 {
		for subtype, want := range map[string][]*text{"": messages, "proto": messages, "upper": upper, "upper-list": upper} {
			for _, compressor := range []string{encoding.Identity, "gzip"} {
				opts := []grpc.CallOption{grpc.CallContentSubtype(subtype), grpc.UseCompressor(compressor)}
				if subtype == "" {
					opts = opts[1:]
				}
				streams.Go(func() {
					if err := receiveThese(t, srv.Conn, want, opts...); err != nil {
						t.Errorf("%s, %s: %v", subtype, compressor, err)
					}
				})
			}
		}
	}
	streams.Wait()
	if n, forms := tap.prepared(); n != 16*20 || forms != 2*20 {
		t.Errorf("%d messages were encoded before, as %d; want 320 and 40", n, forms)
	}
}
