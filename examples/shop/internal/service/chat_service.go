package service

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ChatService lets users talk in rooms. It implements [shopv1service.ChatService].
type ChatService struct {
	rooms *hub.Hub[shopv1.ChatMessage]
}

// NewChatService returns a ChatService with the rooms of a hub.
func NewChatService(rooms *hub.Hub[shopv1.ChatMessage]) *ChatService { return &ChatService{rooms} }

// Rooms returns a hub whose rooms receive the shop's notices of members that join and leave. Further
// options connect it to those of other replicas.
func Rooms(opts ...hub.Option) *hub.Hub[shopv1.ChatMessage] {
	presence := hub.WithPresence(func(m *hub.Member[shopv1.ChatMessage], event hub.Presence) *shopv1.ChatMessage {
		content := auth.Name(m.Principal()) + " has joined"
		if event == hub.Left {
			content = auth.Name(m.Principal()) + " has left"
		}
		return &shopv1.ChatMessage{UserId: "shop", RoomId: m.Room(), Content: content, Timestamp: timestamppb.Now()}
	})
	return hub.New[shopv1.ChatMessage](append(opts, presence)...)
}

// staffRoom is closed to customers.
const staffRoom = "staff"

// Chat joins the room of the first message, and streams the messages of the room.
func (s *ChatService) Chat(ctx context.Context, reqs runtime.Stream[shopv1.ChatMessage]) runtime.Stream[shopv1.ChatMessage] {
	return shopv1service.ChatServiceChat.Serve(ctx, reqs, s.rooms, hub.Handler[shopv1.ChatMessage, shopv1.ChatMessage]{
		Join:    mayChat,
		Receive: s.say,
	})
}

// mayChat reports whether a caller may join a room.
func mayChat(ctx context.Context, room string, _ *shopv1.ChatMessage) error {
	if room == staffRoom && !runtime.OriginOf(ctx).Principal.HasScope("users.write") {
		return shopv1service.ChatReasonStaffOnly.Errorf(codes.PermissionDenied, "the room %q is for staff", room)
	}
	return nil
}

// say publishes a message of a member. A message without content only joins.
func (s *ChatService) say(ctx context.Context, m *hub.Member[shopv1.ChatMessage], req *shopv1.ChatMessage) error {
	if req.GetContent() == "" {
		return nil
	}
	if len(req.GetContent()) > maxMessage {
		return rpcerr.Invalid(rpcerr.Violation("content", "must have at most %d bytes, has %d", maxMessage, len(req.GetContent())))
	}
	message := proto.CloneOf(req)
	message.UserId, message.RoomId, message.Timestamp = auth.Name(m.Principal()), m.Room(), timestamppb.Now()
	return s.rooms.Publish(ctx, m.Room(), message)
}

// maxMessage is the maximum length of a message in bytes.
const maxMessage = 1000
