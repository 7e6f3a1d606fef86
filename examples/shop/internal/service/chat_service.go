package service

import (
	"context"

	"google.golang.org/grpc/codes"
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

// FollowRoom joins a room, and streams its messages.
func (s *ChatService) FollowRoom(ctx context.Context, req *shopv1.FollowRoomRequest) runtime.Stream[shopv1.ChatMessage] {
	return func(yield func(*shopv1.ChatMessage, error) bool) {
		if err := mayJoin(ctx, req.GetRoomId()); err != nil {
			yield(nil, err)
			return
		}
		member, err := s.rooms.Join(ctx, req.GetRoomId())
		if err != nil {
			yield(nil, err)
			return
		}
		defer member.Leave(ctx)
		for message, err := range member.Messages(ctx) {
			if !yield(message, err) {
				return
			}
		}
	}
}

// SendMessage sends a message to the members of a room.
func (s *ChatService) SendMessage(ctx context.Context, req *shopv1.SendMessageRequest) (*shopv1.ChatMessage, error) {
	if err := mayJoin(ctx, req.GetRoomId()); err != nil {
		return nil, err
	}
	if req.GetContent() == "" {
		return nil, rpcerr.Invalid(rpcerr.Violation("content", "must not be empty"))
	}
	if err := checkContent(req.GetContent()); err != nil {
		return nil, err
	}
	message := messageOf(runtime.OriginOf(ctx).Principal, req.GetRoomId(), req.GetContent())
	return message, s.rooms.Publish(ctx, req.GetRoomId(), message)
}

// mayChat reports whether a caller may join a room.
func mayChat(ctx context.Context, room string, _ *shopv1.ChatMessage) error {
	return mayJoin(ctx, room)
}

// mayJoin reports whether a caller may send to a room and receive its messages.
func mayJoin(ctx context.Context, room string) error {
	if room == "" {
		return rpcerr.Invalid(rpcerr.Violation("room_id", "must name a room"))
	}
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
	if err := checkContent(req.GetContent()); err != nil {
		return err
	}
	return s.rooms.Publish(ctx, m.Room(), messageOf(m.Principal(), m.Room(), req.GetContent()))
}

// checkContent reports whether a message is too long.
func checkContent(content string) error {
	if len(content) <= maxMessage {
		return nil
	}
	return rpcerr.Invalid(rpcerr.Violation("content", "must have at most %d bytes, has %d", maxMessage, len(content)))
}

// messageOf returns a message of a caller.
func messageOf(p *runtime.Principal, room, content string) *shopv1.ChatMessage {
	return &shopv1.ChatMessage{UserId: auth.Name(p), RoomId: room, Content: content, Timestamp: timestamppb.Now()}
}

// maxMessage is the maximum length of a message in bytes.
const maxMessage = 1000
