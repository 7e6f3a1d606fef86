package subscription_test

import (
	"context"
	"errors"
	"fmt"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

// eventServiceSubscribe is what is generated for the RPC.
var eventServiceSubscribe = subscribe

// orders implements the service. Called directly, as here, it behaves as its client does.
type orders struct {
	log *eventlog.Log[subscriptionv1.Event]
}

func (o orders) Subscribe(ctx context.Context, req *subscriptionv1.SubscribeRequest) runtime.Stream[subscriptionv1.Event] {
	return eventServiceSubscribe.Serve(ctx, req, o.log)
}

func (o orders) place(ctx context.Context, id int64) error {
	_, err := o.log.Append(ctx, &subscriptionv1.Event{Id: id, Type: "placed"})
	return err
}

// A client that ends, and later continues where it was.
func ExampleMethod_Resume() {
	ctx := context.Background()
	svc := orders{eventlog.New[subscriptionv1.Event](eventlog.NewMemory())}
	for id := range int64(4) {
		if err := svc.place(ctx, id); err != nil {
			fmt.Println(err)
			return
		}
	}
	var saved string
	for event, err := range eventServiceSubscribe.Resume(ctx, svc, &subscriptionv1.SubscribeRequest{Lines: 3}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.GetType(), event.GetId())
		if saved = event.GetNextPosition(); event.GetId() == 2 {
			break
		}
	}
	fmt.Println("later")
	for event, err := range eventServiceSubscribe.Resume(ctx, svc, nil, subscription.WithPosition(saved)) {
		fmt.Println(event.GetType(), event.GetId(), err)
		break
	}
	// Output:
	// placed 1
	// placed 2
	// later
	// placed 3 <nil>
}

// A client whose events are gone.
func ExampleNotRecovered() {
	ctx := context.Background()
	before := orders{eventlog.New[subscriptionv1.Event](eventlog.NewMemory())}
	after := orders{eventlog.New[subscriptionv1.Event](eventlog.NewMemory())} // the server has restarted
	if err := errors.Join(before.place(ctx, 1), after.place(ctx, 2)); err != nil {
		fmt.Println(err)
		return
	}
	var saved string
	for event := range before.Subscribe(ctx, &subscriptionv1.SubscribeRequest{Lines: 1}) {
		saved = event.GetNextPosition()
		break
	}
	for _, err := range eventServiceSubscribe.Resume(ctx, after, nil, subscription.WithPosition(saved)) {
		var lost *subscription.NotRecovered
		if errors.As(err, &lost) {
			fmt.Println("read the current state, and continue with what is left:")
			for event := range eventServiceSubscribe.Resume(ctx, after, nil, subscription.WithPosition(lost.Earliest)) {
				fmt.Println(event.GetType(), event.GetId())
				break
			}
		}
	}
	// Output:
	// read the current state, and continue with what is left:
	// placed 2
}
