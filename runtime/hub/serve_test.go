package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// chatService is what is generated for a service with rooms.
type chatService interface {
	Chat(context.Context, messages) messages
}

type chatFunc func(context.Context, messages) messages

func (f chatFunc) Chat(ctx context.Context, reqs messages) messages {
	return f(ctx, reqs)
}

var (
	chatTable = runtime.NewService("test.v1.Chat", kindsv1.File_kinds_v1_kinds_proto,
		runtime.Bidi("Chat", chatService.Chat, runtime.Policy{Auth: &runtime.Auth{Public: true}}))
	chat = hub.Of(chatTable.Methods()[0], chatService.Chat, hub.Fields{Room: "text"})
)

func registerChat(r grpc.ServiceRegistrar, f chatFunc) {
	server.Register[chatService](r, chatTable, f)
}

type handler = hub.Handler[message, message]

// room is a server of a hub, and a client of it.
type room struct {
	hub  *hub.Hub[message]
	call func(context.Context, messages) messages
}

func serve(t testing.TB, h *hub.Hub[message], handle handler, opts ...server.Option) *room {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		registerChat(r, chatFunc(func(ctx context.Context, reqs messages) messages {
			return chat.Serve(ctx, reqs, h, handle)
		}))
	}, opts...)
	return &room{h, func(ctx context.Context, reqs messages) messages {
		return client.Bidi[message](ctx, client.Bind(conn, chatTable.Methods()[0]), reqs)
	}}
}

// enter makes a call that sends msgs.
func (r *room) enter(t testing.TB, msgs ...*message) *stream.Conversation[message, message] {
	t.Helper()
	c := stream.Converse(t.Context(), r.call)
	t.Cleanup(c.Close)
	for _, msg := range msgs {
		if err := c.Send(msg); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// awaitMembers waits until a room has n members.
func (r *room) awaitMembers(t testing.TB, key string, n int) {
	t.Helper()
	for start := time.Now(); len(r.hub.Members(key)) != n; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatalf("%d members, want %d", len(r.hub.Members(key)), n)
		}
	}
}

func wantReplies(t testing.TB, c *stream.Conversation[message, message], want ...int32) {
	t.Helper()
	for _, n := range want {
		msg, err := c.Receive()
		if err != nil || msg.GetCount() != n {
			t.Fatalf("received %v, %v, want %d", msg, err, n)
		}
	}
}

func wantEnd(
	t testing.TB, c *stream.Conversation[message, message], code codes.Code, reason rpcerr.Reason,
) {
	t.Helper()
	msg, err := c.Receive()
	if msg != nil {
		t.Errorf("received %v", msg)
	}
	wantError(t, err, code, reason)
}

// TestMessagesAreForAllOfARoom uses the defaults: a message is published, and one with the key
// only joins.
func TestMessagesAreForAllOfARoom(t *testing.T) {
	servicetest.NoLeaks(t)
	r := serve(t, hub.New[message](), handler{})
	ann, bob := r.enter(t, &message{Text: "x"}), r.enter(t, &message{Text: "x"})
	other := r.enter(t, &message{Text: "y", Count: 9})
	r.awaitMembers(t, "x", 2)
	for n := range int32(3) {
		if err := ann.Send(&message{Count: n + 1}); err != nil { // the room of the first message
			t.Fatal(err)
		}
	}
	for _, c := range []*stream.Conversation[message, message]{ann, bob} {
		msg, err := c.Receive()
		if err != nil || msg.GetText() != "x" || msg.GetCount() != 1 {
			t.Fatalf("received %v, %v", msg, err)
		}
		wantReplies(t, c, 2, 3)
	}
	wantReplies(t, other, 9)
	bob.Close()
	r.awaitMembers(t, "x", 1)
}

func TestAMemberListensAfterItsLastMessage(t *testing.T) {
	servicetest.NoLeaks(t)
	r := serve(t, hub.New[message](), handler{})
	c := r.enter(t, &message{Text: "x"})
	c.CloseSend()
	r.awaitMembers(t, "x", 1)
	publish(t, r.hub, "x", 1)
	wantReplies(t, c, 1)
}

func TestACallCanEndWithItsRequests(t *testing.T) {
	servicetest.NoLeaks(t)
	left := make(chan string, 1)
	r := serve(t, hub.New[message](), handler{
		EndWithRequests: true,
		Leave:           func(_ context.Context, m *member) { left <- m.Room() },
	})
	msgs, err := stream.Collect(r.call(t.Context(), stream.Of(&message{Text: "x"})))
	if err != nil || len(msgs) != 0 || <-left != "x" {
		t.Errorf("received %v, %v", msgs, err)
	}
}

func TestMessagesThatAreRejected(t *testing.T) {
	servicetest.NoLeaks(t)
	join := func(_ context.Context, room string, first *message) error {
		if room == "secret" {
			return status.Errorf(codes.PermissionDenied, "room %s, message %d", room, first.GetCount())
		}
		return nil
	}
	long, invalid := strings.Repeat("x", 300), codes.InvalidArgument
	r := serve(t, hub.New[message](), handler{Join: join})
	for name, test := range map[string]struct {
		msgs   []*message
		code   codes.Code
		reason rpcerr.Reason
	}{
		"no message":    {nil, invalid, hub.ReasonRoomInvalid},
		"no key":        {[]*message{{Count: 1}}, invalid, hub.ReasonRoomInvalid},
		"a long key":    {[]*message{{Text: long}}, invalid, hub.ReasonRoomInvalid},
		"another key":   {[]*message{{Text: "x"}, {Text: "y"}}, invalid, hub.ReasonRoomInvalid},
		"may not enter": {[]*message{{Text: "secret", Count: 7}}, codes.PermissionDenied, ""},
	} {
		c := r.enter(t, test.msgs...)
		c.CloseSend()
		_, err := c.Receive()
		if status.Code(err) != test.code || test.reason != "" && rpcerr.ReasonOf(err) != test.reason {
			t.Errorf("%s: got %v", name, err)
		}
		violations := rpcerr.FieldViolations(err)
		if test.reason != "" && (len(violations) != 1 || violations[0].Field != "text") {
			t.Errorf("%s: violations %v", name, violations)
		}
		if name == "may not enter" && !strings.Contains(err.Error(), "room secret, message 7") {
			t.Errorf("got %v", err)
		}
		for _, key := range []string{"x", "secret"} {
			r.awaitMembers(t, key, 0)
		}
	}
}

func TestReceiveDecides(t *testing.T) {
	servicetest.NoLeaks(t)
	r := serve(t, hub.New[message](), handler{
		Name: func(first *message) string { return "n" + fmt.Sprint(first.GetCount()) },
		Receive: func(ctx context.Context, m *member, req *message) error {
			if req.GetCount() < 0 {
				return status.Error(codes.OutOfRange, m.Name())
			}
			return m.Send(ctx, numbered(2*req.GetCount()))
		},
	})
	c := r.enter(t, &message{Text: "x", Count: 1}, numbered(2))
	other := r.enter(t, &message{Text: "x", Count: 100})
	wantReplies(t, c, 2, 4)
	wantReplies(t, other, 200)
	if err := c.Send(numbered(-1)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Receive()
	if status.Code(err) != codes.OutOfRange || status.Convert(err).Message() != "n1" {
		t.Errorf("got %v", err)
	}
}

// TestHistoryComesFirst has a history that is longer than the queue, and messages that arrive
// meanwhile.
func TestHistoryComesFirst(t *testing.T) {
	servicetest.NoLeaks(t)
	h := hub.New[message](hub.WithQueue(2))
	r := serve(t, h, handler{History: func(_ context.Context, m *member, _ *message) messages {
		return func(yield func(*message, error) bool) {
			for n := range int32(100) {
				if n == 50 {
					publish(t, h, m.Room(), 1000, 1001)
				}
				if !yield(numbered(n), nil) {
					return
				}
			}
		}
	}})
	c := r.enter(t, &message{Text: "x"})
	for n := range int32(100) {
		wantReplies(t, c, n)
	}
	wantReplies(t, c, 1000, 1001)
}

func TestAHistoryThatFails(t *testing.T) {
	servicetest.NoLeaks(t)
	history := func(context.Context, *member, *message) messages {
		return runtime.Fail[message](status.Error(codes.DataLoss, "gone"))
	}
	r := serve(t, hub.New[message](), handler{History: history})
	_, err := r.enter(t, &message{Text: "x"}).Receive()
	if status.Code(err) != codes.DataLoss {
		t.Errorf("got %v", err)
	}
	r.awaitMembers(t, "x", 0)
}

// TestPanicsEndOneCall checks that a panic in any function ends the call of its member with
// INTERNAL, and no other.
func TestPanicsEndOneCall(t *testing.T) {
	for _, place := range []string{
		"join", "name", "history", "history's range", "receive", "leave", "gap", "joined", "left", "key",
	} {
		t.Run(place, func(t *testing.T) {
			servicetest.NoLeaks(t)
			boom := func(at string, is bool) {
				if is && at == place {
					panic("boom")
				}
			}
			named := func(m *member) bool { return m.Name() == "bad" }
			h := hub.New[message](
				hub.WithGap(func(n int) *message { boom("gap", n == 666); return nil }),
				hub.WithPresence(func(m *member, event hub.Presence) *message {
					boom("joined", named(m) && event == hub.Joined)
					boom("left", named(m) && event == hub.Left)
					return nil
				}),
				hub.WithConflate(func(m *message) int32 {
					boom("key", m.GetCode() == 13)
					return m.GetCount()
				}),
			)
			var log bytes.Buffer
			r := serve(t, h, handler{
				Join: func(_ context.Context, _ string, first *message) error {
					boom("join", first.GetCode() == 1)
					return nil
				},
				Name: func(first *message) string {
					boom("name", first.GetCode() == 1)
					if first.GetCode() == 1 {
						return "bad"
					}
					return "good"
				},
				History: func(_ context.Context, m *member, _ *message) messages {
					boom("history", named(m))
					return func(yield func(*message, error) bool) {
						boom("history's range", named(m))
					}
				},
				Receive: func(ctx context.Context, m *member, req *message) error {
					boom("receive", req.GetCode() == 13)
					if place != "key" && req.GetCode() == 13 {
						return status.Error(codes.Internal, "internal error") // of the other places
					}
					return h.Publish(ctx, m.Room(), req)
				},
				Leave: func(_ context.Context, m *member) { boom("leave", named(m)) },
			}, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			good := r.enter(t, &message{Text: "x"})
			wantReplies(t, good, 0)
			bad := r.enter(t, &message{Text: "x", Code: 1})
			if place == "gap" {
				r.awaitMembers(t, "x", 2)
				hub.Lose(h, "x", 666)
			} else {
				_ = bad.Send(&message{Code: 13})
			}
			var err error
			for err == nil {
				_, err = bad.Receive()
			}
			if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v", err)
			}
			if place == "gap" { // the loss is everybody's, and so is the panic of its mark
				return
			}
			r.awaitMembers(t, "x", 1)
			publish(t, h, "x", 99)
			for {
				if msg, err := good.Receive(); err != nil {
					t.Fatalf("the other call got %v", err)
				} else if msg.GetCount() == 99 {
					break
				}
			}
		})
	}
}

// listen serves srv over TCP until the test ends or calls Shutdown.
func listen(t testing.TB, srv *server.Server, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(),
		client.WithInsecure(), client.WithDialOptions(opts...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return conn.ClientConn
}

func TestDrainingEndsRoomsAtOnce(t *testing.T) {
	servicetest.NoLeaks(t)
	h := hub.New[message]()
	srv := server.New(server.WithoutAuthentication(), server.WithDrainDelay(0),
		server.WithLogger(slog.New(slog.DiscardHandler)))
	registerChat(srv, chatFunc(func(ctx context.Context, reqs messages) messages {
		return chat.Serve(ctx, reqs, h, handler{})
	}))
	conn := listen(t, srv)
	r := &room{h, func(ctx context.Context, reqs messages) messages {
		return client.Bidi[message](ctx, client.Bind(conn, chatTable.Methods()[0]), reqs)
	}}
	joined, silent := r.enter(t, &message{Text: "x"}), r.enter(t)
	r.awaitMembers(t, "x", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	start := time.Now()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 15*time.Second { // calls may take 20 s to finish
		t.Errorf("the shutdown took %v", took)
	}
	wantEnd(t, joined, codes.Unavailable, rpcerr.ReasonDraining)
	if _, err := silent.Receive(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestMistakesOfServices(t *testing.T) {
	info := chatTable.Methods()[0]
	h := hub.New[message]()
	one := stream.Of(&message{Text: "x"})
	serveWith := func(m *hub.Method[chatService, message, message], h *hub.Hub[message]) error {
		_, err := stream.Collect(m.Serve(t.Context(), one, h, handler{}))
		return err
	}
	for field, cause := range map[string]string{
		"": "set Room", "nothing": "no field nothing",
		"payload": "neither a string nor an integer", "text.x": "is not a message",
	} {
		err := serveWith(hub.Of(info, chatService.Chat, hub.Fields{Room: field}), h)
		wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
		if !strings.Contains(err.Error(), cause) {
			t.Errorf("%q: %v does not say %q", field, err, cause)
		}
	}
	wantError(t, serveWith(chat, nil), codes.Internal, rpcerr.ReasonInternal)
	type responses = runtime.Stream[kindsv1.Response]
	other := hub.Of(info, func(chatService, context.Context, messages) responses {
		return nil
	}, hub.Fields{Room: "text"})
	_, err := stream.Collect(other.Serve(t.Context(), stream.Of(&message{Text: "x", Count: 1}),
		hub.New[kindsv1.Response](), hub.Handler[message, kindsv1.Response]{}))
	wantError(t, err, codes.Internal, rpcerr.ReasonInternal)
}

// TestIntegersAreRoomKeys checks that a number names a room too, and 0 none.
func TestIntegersAreRoomKeys(t *testing.T) {
	type number = wrapperspb.UInt64Value
	type service interface {
		Play(context.Context, runtime.Stream[number]) runtime.Stream[number]
	}
	play := hub.Of(chatTable.Methods()[0], service.Play, hub.Fields{Room: "value"})
	h := hub.New[number]()
	var rooms []string
	handle := hub.Handler[number, number]{
		EndWithRequests: true,
		Join: func(_ context.Context, room string, _ *number) error {
			rooms = append(rooms, room)
			return nil
		},
	}
	_, err := stream.Collect(play.Serve(t.Context(), stream.Of(wrapperspb.UInt64(1<<63)), h, handle))
	if err != nil || !slices.Equal(rooms, []string{"9223372036854775808"}) {
		t.Errorf("joined %q, %v", rooms, err)
	}
	_, err = stream.Collect(play.Serve(t.Context(), stream.Of(wrapperspb.UInt64(0)), h, handle))
	wantError(t, err, codes.InvalidArgument, hub.ReasonRoomInvalid)
}

// TestServeOutsideACall ranges over the responses without a server.
func TestServeOutsideACall(t *testing.T) {
	servicetest.NoLeaks(t)
	h := hub.New[message]()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	requests := stream.NewPipe[message](ctx)
	go func() { _ = requests.Send(&message{Text: "x", Count: 1}) }()
	for msg, err := range chat.Serve(ctx, requests.Stream(), h, handler{}) {
		if err != nil || msg.GetCount() != 1 {
			t.Errorf("received %v, %v", msg, err)
		}
		break
	}
	if got := h.Stats(); got != (hub.Stats{}) {
		t.Errorf("got %+v", got)
	}
	requests.Close(errors.New("the end"))
}
