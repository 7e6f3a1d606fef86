// Package hub delivers messages to rooms: chats, documents, games. A member of a room has a bounded
// queue, so that a slow member costs bounded memory and never delays the others, except where a
// room asks for that ([Block]).
//
// The generated package has a [Method] for each bidi RPC with a room key. A service has one hub for
// its messages and serves calls from it:
//
//	s.rooms = hub.New[chatv1.Message]()
//
//	func (s *Chat) Chat(
//		ctx context.Context, reqs runtime.Stream[chatv1.Message],
//	) runtime.Stream[chatv1.Message] {
//		handler := hub.Handler[chatv1.Message, chatv1.Message]{
//			Join: s.mayJoin, // func(ctx context.Context, room string, first *chatv1.Message) error
//		}
//		return chatv1service.ChatServiceChat.Serve(ctx, reqs, s.rooms, handler)
//	}
//
// All members of a room on one replica receive its messages in the same order. Delivery is at most
// once: a member that is disconnected, and messages that a queue or a [Bus] loses, are not
// repeated. Losses are counted, and [WithGap] makes messages of them. What must not be lost belongs
// into a log (runtime/eventlog).
//
// docs/rooms.md describes limits, slow members and replicas.
package hub
