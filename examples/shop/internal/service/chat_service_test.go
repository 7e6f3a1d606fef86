package service_test

import (
	"testing"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
)

func TestChatServiceContract(t *testing.T) {
	shopv1servicetest.CheckChatService(t, service.NewChatService())
}

// What is said comes back before the next is said: Chat waits for nothing.
func TestChat(t *testing.T) {
	chat := shopv1servicetest.ServeChatService(t, service.NewChatService())
	heard := make(chan string, 1)
	say := func(yield func(*shopv1.ChatMessage, error) bool) {
		for _, content := range []string{"hello", "again"} {
			if !yield(&shopv1.ChatMessage{UserId: "ada", RoomId: "sales", Content: content}, nil) {
				return
			}
			if got := <-heard; got != content {
				t.Errorf("heard %q, want %q", got, content)
			}
		}
	}
	count := 0
	for message, err := range chat.Chat(t.Context(), say) {
		if err != nil {
			t.Fatal(err)
		}
		if message.GetUserId() != "ada" || message.GetRoomId() != "sales" || message.GetTimestamp() == nil {
			t.Errorf("message %v: want the user and the room that were sent, and a timestamp", message)
		}
		heard <- message.GetContent()
		count++
	}
	if count != 2 {
		t.Errorf("heard %d messages, want 2", count)
	}
}
