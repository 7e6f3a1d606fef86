package service_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestChatServiceContract(t *testing.T) {
	shopv1servicetest.CheckChatService(t, service.NewChatService(service.Rooms()))
}

// TestChat joins two members, who receive each other's messages and notices, and a third one in
// another room.
func TestChat(t *testing.T) {
	servicetest.NoLeaks(t)
	chat := shopv1servicetest.ServeChatService(t, service.NewChatService(service.Rooms()))
	join := func(room string) *stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage] {
		c := stream.Converse(t.Context(), chat.Chat)
		t.Cleanup(c.Close)
		if err := c.Send(&shopv1.ChatMessage{RoomId: room}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	hear := func(c *stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage], want string) {
		t.Helper()
		got, err := c.Receive()
		if err != nil || got.GetContent() != want || got.GetTimestamp() == nil {
			t.Fatalf("got %v, %v; want %q", got, err, want)
		}
	}
	ada := join("sales")
	hear(ada, "servicetest has joined")
	bob, other := join("sales"), join("other")
	hear(ada, "servicetest has joined")
	hear(bob, "servicetest has joined")
	hear(other, "servicetest has joined")
	if err := bob.Send(&shopv1.ChatMessage{UserId: "forged", Content: "hello"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage]{ada, bob} {
		if got, err := c.Receive(); err != nil || got.GetContent() != "hello" || got.GetUserId() != "servicetest" {
			t.Errorf("got %v, %v", got, err)
		}
	}
	bob.Close()
	hear(ada, "servicetest has left")
}

// TestFollowRoom follows a room by a stream of responses, and sends to it by unary calls.
func TestFollowRoom(t *testing.T) {
	servicetest.NoLeaks(t)
	chat := shopv1servicetest.ServeChatService(t, service.NewChatService(service.Rooms()))
	var contents []string
	for message, err := range chat.FollowRoom(t.Context(), &shopv1.FollowRoomRequest{RoomId: "sales"}) {
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, message.GetUserId()+": "+message.GetContent())
		if len(contents) == 2 {
			break
		}
		sent, err := chat.SendMessage(t.Context(), &shopv1.SendMessageRequest{RoomId: "sales", Content: "hello"})
		if err != nil || sent.GetUserId() != "servicetest" || sent.GetTimestamp() == nil {
			t.Fatalf("%v, %v", sent, err)
		}
	}
	if want := []string{"shop: servicetest has joined", "servicetest: hello"}; !slices.Equal(contents, want) {
		t.Errorf("%q, want %q", contents, want)
	}
	for field, req := range map[string]*shopv1.SendMessageRequest{
		"content": {RoomId: "sales"}, "room_id": {Content: "hello"},
	} {
		_, err := chat.SendMessage(t.Context(), req)
		wantCode(t, err, codes.InvalidArgument)
		if violations := rpcerr.FieldViolations(err); len(violations) != 1 || violations[0].Field != field {
			t.Errorf("the violations are %v, want %s", violations, field)
		}
	}
	_, err := chat.SendMessage(t.Context(), &shopv1.SendMessageRequest{RoomId: "staff", Content: "hello"})
	wantCode(t, err, codes.PermissionDenied)
	_, err = stream.Collect(chat.FollowRoom(t.Context(), &shopv1.FollowRoomRequest{RoomId: "staff"}))
	wantCode(t, err, codes.PermissionDenied)
}

func TestChatRejects(t *testing.T) {
	chat := shopv1servicetest.ServeChatService(t, service.NewChatService(service.Rooms()))
	for name, test := range map[string]struct {
		first *shopv1.ChatMessage
		code  codes.Code
		field string
	}{
		"no room":    {&shopv1.ChatMessage{Content: "hello"}, codes.InvalidArgument, "room_id"},
		"staff room": {&shopv1.ChatMessage{RoomId: "staff"}, codes.PermissionDenied, ""},
		"too long":   {&shopv1.ChatMessage{RoomId: "sales", Content: strings.Repeat("x", 1001)}, codes.InvalidArgument, "content"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stream.Collect(chat.Chat(t.Context(), stream.Of(test.first)))
			wantCode(t, err, test.code)
			if violations := rpcerr.FieldViolations(err); test.field != "" && (len(violations) != 1 || violations[0].Field != test.field) {
				t.Errorf("the violations are %v, want %s", violations, test.field)
			}
		})
	}
}
