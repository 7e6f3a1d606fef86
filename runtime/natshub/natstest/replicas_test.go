package natstest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	roomv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/room/v1/roomv1service"
	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/natshub"
	"github.com/grpcservice/grpcservice/runtime/natshub/natstest"
	"github.com/grpcservice/grpcservice/runtime/seal"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

type (
	message = roomv1.ChatMessage
	event   = subscriptionv1.Event
	request = subscriptionv1.SubscribeRequest
)

// chat is a replica of the generated chat service.
type chat struct{ rooms *hub.Hub[message] }

func (c *chat) Chat(ctx context.Context, reqs runtime.Stream[message]) runtime.Stream[message] {
	return roomv1service.ChatServiceChat.Serve(ctx, reqs, c.rooms, hub.Handler[message, message]{
		Name: func(first *message) string { return first.GetAuthor() },
	})
}

// TestAChatOnTwoReplicas has a member on each of two servers: each sees the messages of both, and
// those of one author in order, and both rosters list both members.
func TestAChatOnTwoReplicas(t *testing.T) {
	const messages = 50
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	srv := natstest.Start(t)
	var talks []*stream.Conversation[message, message]
	var replicas []*chat
	for _, author := range []string{"ann", "bob"} {
		roster, _ := openRoster(t, srv, "members")
		replica := &chat{rooms: hub.New[message](
			hub.WithBus(natshub.NewBus(srv.Connect(t))), hub.WithRoster(roster),
			hub.WithQueue(10*messages))}
		conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			roomv1service.RegisterChatService(r, replica)
		})
		talk := stream.Converse(ctx, roomv1service.NewChatServiceClient(conn).Chat)
		t.Cleanup(talk.Close)
		if err := talk.Send(&message{RoomId: "lobby", Author: author}); err != nil {
			t.Fatal(err)
		}
		await(t, author+" joins", func() bool { return len(replica.rooms.Members("lobby")) == 1 })
		talks, replicas = append(talks, talk), append(replicas, replica)
	}
	for _, replica := range replicas {
		await(t, "both are listed", func() bool { return len(replica.rooms.Listed("lobby")) == 2 })
	}
	var talking sync.WaitGroup
	for i, talk := range talks {
		author := []string{"ann", "bob"}[i]
		talking.Go(func() {
			for n := range messages {
				if err := talk.Send(&message{Author: author, Text: fmt.Sprint(n)}); err != nil {
					t.Errorf("%s: Send: %v", author, err)
					return
				}
			}
		})
		talking.Go(func() {
			next := map[string]int{}
			for next["ann"] < messages || next["bob"] < messages {
				msg, err := talk.Receive()
				if err != nil {
					t.Errorf("%s has received %v: %v", author, next, err)
					return
				}
				if msg.GetText() == "" { // the one that joins
					continue
				}
				if want := fmt.Sprint(next[msg.GetAuthor()]); msg.GetText() != want {
					t.Errorf("%s received %q of %s, want %s", author, msg.GetText(), msg.GetAuthor(), want)
				}
				next[msg.GetAuthor()]++
			}
		})
	}
	talking.Wait()
}

// eventService is what is generated for a service with a subscription.
type eventService interface {
	Subscribe(context.Context, *request) runtime.Stream[event]
}

type events func(context.Context, *request) runtime.Stream[event]

func (f events) Subscribe(ctx context.Context, req *request) runtime.Stream[event] {
	return f(ctx, req)
}

// subscribeTo returns the table of the service and the method of its subscription.
func subscribeTo() (
	*runtime.Service[eventService], *subscription.Method[eventService, request, event],
) {
	table := runtime.NewService(
		"subscription.v1.EventService", subscriptionv1.File_subscription_v1_subscription_proto,
		runtime.ServerStream("Subscribe", eventService.Subscribe,
			runtime.Policy{Auth: &runtime.Auth{Public: true}}))
	return table, subscription.Of(table.Method("Subscribe"), eventService.Subscribe,
		subscription.Fields{Position: "position", NextPosition: "next_position"})
}

// TestASubscriptionResumesOnTheOtherReplica reads half of the events from one server, and the rest
// from another, while both append: each event arrives once, in the order of the log.
func TestASubscriptionResumesOnTheOtherReplica(t *testing.T) {
	const each = 40
	srv := natstest.Start(t)
	table, method := subscribeTo()
	keys := server.WithTokenKeys(seal.NewKey([]byte(strings.Repeat("k", 32))))
	var logs []*eventlog.Log[event]
	var clients []eventService
	name := newName()
	for range 2 {
		log := eventlog.New[event](openLog(t, srv.Connect(t), name))
		conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
			server.Register[eventService](r, table, events(
				func(ctx context.Context, req *request) runtime.Stream[event] {
					return method.Serve(ctx, req, log, subscription.FromEarliest())
				}))
		}, keys)
		bound := client.Bind(conn, table.Method("Subscribe"))
		logs = append(logs, log)
		clients = append(clients, events(
			func(ctx context.Context, req *request) runtime.Stream[event] {
				return client.ServerStream[event](ctx, bound, req)
			}))
	}
	var appending sync.WaitGroup
	for i, log := range logs {
		appending.Go(func() {
			for n := range each {
				if _, err := log.Append(t.Context(), &event{Id: int64(i*each + n)}); err != nil {
					t.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	var got []int64
	position := ""
	read := func(from eventService, n int) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		opts := []subscription.ResumeOption{
			subscription.WithOnPosition(func(p string) { position = p }),
		}
		if position != "" {
			opts = append(opts, subscription.WithPosition(position))
		}
		end := len(got) + n
		for e, err := range method.Resume(ctx, from, &request{}, opts...) {
			if err != nil {
				t.Fatalf("after %d events: %v", len(got), err)
			}
			if len(got) == end { // so that the position of the last is known
				break
			}
			got = append(got, e.GetId())
		}
	}
	read(clients[0], each)
	read(clients[1], each-1)
	appending.Wait()
	b, err := logs[0].Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []int64
	for e, err := range logs[0].Read(t.Context(), b.Earliest()) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.Message.GetId())
	}
	if len(want) != 2*each || fmt.Sprint(got) != fmt.Sprint(want[:len(got)]) {
		t.Fatalf("received %v, and the log has %v", got, want)
	}
}
