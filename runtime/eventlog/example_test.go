package eventlog_test

import (
	"context"
	"errors"
	"fmt"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

func Example() {
	ctx := context.Background()
	log := eventlog.New[subscriptionv1.Event](eventlog.NewMemory(eventlog.WithMaxRecords(3)))
	start, err := log.Append(ctx) // the position of the head
	if err != nil {
		fmt.Println(err)
		return
	}
	first, _ := log.Append(ctx, &subscriptionv1.Event{Text: "one"})
	_, _ = log.Append(ctx, &subscriptionv1.Event{Text: "two"}, &subscriptionv1.Event{Text: "three"})
	for entry, err := range log.Read(ctx, first) {
		fmt.Println(entry.Message.GetText(), err)
	}
	_, _ = log.Append(ctx, &subscriptionv1.Event{Text: "four"}) // trims the first record
	for _, err := range log.Read(ctx, start) {
		fmt.Println(errors.Is(err, eventlog.ErrExpired))
	}
	// Output:
	// two <nil>
	// three <nil>
	// true
}
