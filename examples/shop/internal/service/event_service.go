package service

import (
	"context"
	"crypto/rand"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// Types of events.
const (
	OrderPlaced  = "order.placed"
	PriceChanged = "price.changed"
)

// Events is the log of what happens in the shop.
type Events = eventlog.Log[shopv1.Event]

// Notify appends an event. What happened has happened: if the log fails, the event is missing and
// the failure is logged. A shop with a database writes both in one transaction.
func Notify(ctx context.Context, events *Events, kind, subject string) {
	_, err := events.Append(ctx, &shopv1.Event{Id: rand.Text(), Type: kind, CreateTime: timestamppb.Now(), Subject: subject})
	if err != nil {
		slog.ErrorContext(ctx, "event lost", "type", kind, "subject", subject, "error", err)
	}
}

// EventService serves the log of events. It implements [shopv1service.EventService].
type EventService struct {
	events *Events
}

// NewEventService returns an EventService of a log.
func NewEventService(events *Events) *EventService { return &EventService{events} }

// SubscribeToEvents streams the events from a position or a time on, and then those that happen.
func (s *EventService) SubscribeToEvents(ctx context.Context, req *shopv1.SubscribeRequest) runtime.Stream[shopv1.Event] {
	return shopv1service.EventServiceSubscribeToEvents.Serve(ctx, req, s.events)
}
