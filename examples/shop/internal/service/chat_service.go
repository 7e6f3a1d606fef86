package service

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// ChatService sends back what it is told. It implements [shopv1service.ChatService].
type ChatService struct{}

// NewChatService returns a ChatService.
func NewChatService() *ChatService { return &ChatService{} }

// Chat sends each message back, with the time at which it came, until the client has said all or the server shuts down.
func (s *ChatService) Chat(ctx context.Context, messages runtime.Stream[shopv1.ChatMessage]) runtime.Stream[shopv1.ChatMessage] {
	return func(yield func(*shopv1.ChatMessage, error) bool) {
		for message, err := range stream.Until(messages, runtime.Draining(ctx), runtime.ErrDraining) {
			if err != nil {
				yield(nil, err) // the client is gone, the deadline has passed, or the server drains
				return
			}
			message.Timestamp = timestamppb.Now()
			if !yield(message, nil) {
				return
			}
		}
	}
}
