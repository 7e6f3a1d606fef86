package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// playEvents reads past events, stops, and resumes from that position.
func playEvents(ctx context.Context, events shopv1service.EventService) error {
	req := &shopv1.SubscribeRequest{Since: timestamppb.New(time.Now().Add(-time.Hour)), EventTypes: []string{"order.placed", "price.changed"}}
	first, err := nextEvent(ctx, events, req, "")
	if err != nil {
		return err
	}
	second, err := nextEvent(ctx, events, req, first.GetPosition())
	if err != nil {
		return err
	}
	if first.GetId() == second.GetId() {
		return fmt.Errorf("SubscribeToEvents: event %s came twice", first.GetId())
	}
	_, err = nextEvent(ctx, events, req, "forged")
	say("SubscribeToEvents", "a forged position: %s", rpcerr.ReasonOf(err))
	if rpcerr.ReasonOf(err) != subscription.ReasonPositionInvalid {
		return fmt.Errorf("SubscribeToEvents: a forged position: %w", err)
	}
	return nil
}

// nextEvent returns the first event after a position.
func nextEvent(ctx context.Context, events shopv1service.EventService, req *shopv1.SubscribeRequest, position string) (*shopv1.Event, error) {
	for event, err := range shopv1service.EventServiceSubscribeToEvents.Resume(ctx, events, req, subscription.WithPosition(position)) {
		if err != nil {
			return nil, fmt.Errorf("SubscribeToEvents: %w", err)
		}
		say("SubscribeToEvents", "%s %s", event.GetType(), event.GetSubject())
		return event, nil
	}
	return nil, errors.New("SubscribeToEvents: the stream has ended")
}

// playLogs reads the last lines of the log.
func playLogs(ctx context.Context, logs shopv1service.LogService) error {
	const lines = 2
	read := 0
	for entry, err := range logs.TailLogs(ctx, &shopv1.TailRequest{ServiceName: shopv1service.OrderServiceName, Level: "INFO", Lines: lines}) {
		if err != nil {
			return fmt.Errorf("TailLogs: %w", err)
		}
		say("TailLogs", "%s %.60s…", entry.GetLevel(), entry.GetMessage())
		if entry.GetServiceName() != shopv1service.OrderServiceName {
			return fmt.Errorf("TailLogs: a line of %q", entry.GetServiceName())
		}
		if read++; read == lines {
			return nil
		}
	}
	return errors.New("TailLogs: the stream has ended")
}
