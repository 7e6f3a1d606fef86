package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// playChat lets two users talk in a room, and shows what one of them receives.
func playChat(clerk, customer context.Context, chat shopv1service.ChatService) error {
	seller := stream.Converse(clerk, chat.Chat)
	defer seller.Close()
	buyer := stream.Converse(customer, chat.Chat)
	defer buyer.Close()
	if err := seller.Send(&shopv1.ChatMessage{RoomId: "sales"}); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := look(seller, "clerk has joined"); err != nil {
		return err
	}
	if err := buyer.Send(&shopv1.ChatMessage{RoomId: "sales", Content: "Is the teapot in stock?"}); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := look(seller, "customer has joined", "Is the teapot in stock?"); err != nil {
		return err
	}
	buyer.Close()
	if err := look(seller, "customer has left"); err != nil {
		return err
	}
	for _, err := range chat.Chat(customer, stream.Of(&shopv1.ChatMessage{RoomId: "staff"})) {
		say("Chat", "a customer in the staff room: %s", status.Code(err))
		if status.Code(err) != codes.PermissionDenied {
			return fmt.Errorf("chat: a customer in the staff room: %w", err)
		}
	}
	return nil
}

// playFollow follows a room by a stream of responses, to which another user sends by a unary call.
func playFollow(clerk, customer context.Context, chat shopv1service.ChatService) error {
	const content = "We open at nine."
	for message, err := range chat.FollowRoom(clerk, &shopv1.FollowRoomRequest{RoomId: "news"}) {
		if err != nil {
			return fmt.Errorf("follow room: %w", err)
		}
		say("FollowRoom", "#%s <%s> %s", message.GetRoomId(), message.GetUserId(), message.GetContent())
		if message.GetContent() == content {
			return nil
		}
		request := &shopv1.SendMessageRequest{RoomId: "news", Content: content}
		if _, err := chat.SendMessage(customer, request); err != nil {
			return fmt.Errorf("send message: %w", err)
		}
	}
	return errors.New("follow room: the stream has ended")
}

// look shows the next messages of a room and checks that they are as expected.
func look(room *stream.Conversation[shopv1.ChatMessage, shopv1.ChatMessage], contents ...string) error {
	for _, want := range contents {
		message, err := room.Receive()
		if err != nil {
			return fmt.Errorf("chat: %w", err)
		}
		say("Chat", "#%s <%s> %s", message.GetRoomId(), message.GetUserId(), message.GetContent())
		if message.GetContent() != want {
			return fmt.Errorf("chat: got %q, want %q", message.GetContent(), want)
		}
	}
	return nil
}

// playCollaborate edits a document as two users who do not wait for each other.
func playCollaborate(ctx context.Context, collaboration shopv1service.CollaborationService) error {
	const insert = shopv1.DocumentEdit_OPERATION_INSERT
	document := "menus/" + rand.Text() // nobody has edited it yet
	first, second := stream.Converse(ctx, collaboration.Collaborate), stream.Converse(ctx, collaboration.Collaborate)
	defer first.Close()
	defer second.Close()
	for _, editor := range []*stream.Conversation[shopv1.DocumentEdit, shopv1.DocumentEdit]{first, second} {
		if err := editor.Send(&shopv1.DocumentEdit{DocumentId: document}); err != nil {
			return fmt.Errorf("collaborate: %w", err)
		}
	}
	if err := first.Send(&shopv1.DocumentEdit{Operation: insert, Content: "Tea", Revision: 0}); err != nil {
		return fmt.Errorf("collaborate: %w", err)
	}
	if err := edited(first, 1, "Tea"); err != nil {
		return err
	}
	// The second user has not received that edit yet, so its own edit is based on an old revision.
	// The server does not apply it, and responds with the edit that the second user has missed.
	if err := second.Send(&shopv1.DocumentEdit{Operation: insert, Content: "Coffee", Revision: 0}); err != nil {
		return fmt.Errorf("collaborate: %w", err)
	}
	if err := edited(second, 1, "Tea"); err != nil {
		return err
	}
	if err := second.Send(&shopv1.DocumentEdit{Operation: insert, Content: "Coffee, ", Revision: 1}); err != nil {
		return fmt.Errorf("collaborate: %w", err)
	}
	if err := edited(first, 2, "Coffee, "); err != nil {
		return err
	}
	// The roles permit menus only.
	for _, err := range collaboration.Collaborate(ctx, stream.Of(&shopv1.DocumentEdit{DocumentId: "contracts/7"})) {
		if err := expect("Collaborate", err, codes.PermissionDenied, rpcerr.ReasonMissingPermission); err != nil {
			return err
		}
	}
	return nil
}

// edited shows the edit that produces a revision, and checks that it is as expected. Edits may
// arrive twice.
func edited(editor *stream.Conversation[shopv1.DocumentEdit, shopv1.DocumentEdit], revision int64, content string) error {
	for {
		got, err := editor.Receive()
		if err != nil {
			return fmt.Errorf("collaborate: %w", err)
		}
		if got.GetRevision() < revision {
			continue
		}
		say("Collaborate", "revision %d: %q at %d", got.GetRevision(), got.GetContent(), got.GetPosition())
		if got.GetRevision() != revision || got.GetContent() != content {
			return fmt.Errorf("collaborate: want revision %d with %q", revision, content)
		}
		return nil
	}
}

// playGame moves a player until the state shows it.
func playGame(ctx context.Context, games shopv1service.GameService) error {
	game := stream.Converse(ctx, games.PlayGame)
	defer game.Close()
	const moves = "eesse"
	for _, move := range []byte(moves) {
		action := &shopv1.GameAction{PlayerId: "ada", GameId: "lobby", ActionType: "move", ActionData: []byte{move}}
		if err := game.Send(action); err != nil {
			return fmt.Errorf("play game: %w", err)
		}
	}
	for states := 1; ; states++ {
		state, err := game.Receive()
		if errors.Is(err, io.EOF) {
			return errors.New("play game: the stream has ended")
		}
		if err != nil {
			return fmt.Errorf("play game: %w", err)
		}
		player := state.GetPlayers()[0]
		if player.GetActions() == int32(len(moves)) {
			say("PlayGame", "%s is at %d,%d after %d moves and %d states", player.GetPlayerId(), player.GetX(), player.GetY(), len(moves), states)
			if player.GetX() != 3 || player.GetY() != 2 {
				return errors.New("play game: want 3,2")
			}
			return nil
		}
	}
}
