package natshub_test

import (
	"context"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/natshub"
)

// The members of a room on all replicas receive each other's messages.
func ExampleNewBus() {
	nc, err := nats.Connect("nats://nats:4222",
		nats.MaxReconnects(-1), nats.PingInterval(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	rooms := hub.New[wrapperspb.StringValue](hub.WithBus(natshub.NewBus(nc)))
	// Serve calls from rooms here.
	_ = rooms
}

// Subscriptions resume on any replica.
func ExampleOpenLog() {
	ctx := context.Background()
	nc, err := nats.Connect("nats://nats:4222", nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	store, err := natshub.OpenLog(ctx, js, "events",
		natshub.WithReplicas(3), natshub.WithMaxAge(72*time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	events := eventlog.New[wrapperspb.StringValue](store)
	// Append to events and serve subscriptions from it here.
	_ = events
}

// Each replica knows the members of all, and notices when another dies.
func ExampleOpenRoster() {
	ctx := context.Background()
	nc, err := nats.Connect("nats://nats:4222", nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	roster, err := natshub.OpenRoster(ctx, js, "members", natshub.WithExpiry(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer roster.Close()
	rooms := hub.New[wrapperspb.StringValue](
		hub.WithBus(natshub.NewBus(nc)), hub.WithRoster(roster))
	for _, member := range rooms.Listed("lobby") {
		log.Print(member.Name, " joined at ", member.Joined)
	}
}
