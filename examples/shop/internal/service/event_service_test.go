package service_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func newEvents() *service.Events { return eventlog.New[shopv1.Event](eventlog.NewMemory()) }

func TestEventServiceContract(t *testing.T) {
	shopv1servicetest.CheckEventService(t, service.NewEventService(newEvents()))
}

// TestSubscribeToEvents places orders before and during a subscription.
func TestSubscribeToEvents(t *testing.T) {
	servicetest.NoLeaks(t)
	log := newEvents()
	orders := shopv1servicetest.ServeOrderService(t, service.NewOrderService(service.NewCatalogue(service.Products()...), log))
	events := shopv1servicetest.ServeEventService(t, service.NewEventService(log))
	place := func() {
		if _, err := orders.CreateOrder(t.Context(), &shopv1.CreateOrderRequest{Lines: teapots(1)}); err != nil {
			t.Fatal(err)
		}
	}
	place()
	service.Notify(t.Context(), log, service.PriceChanged, "products/3")
	req := &shopv1.SubscribeRequest{Since: timestamppb.New(time.Now().Add(-time.Minute)), EventTypes: []string{service.OrderPlaced}}
	var subjects []string
	for event, err := range shopv1service.EventServiceSubscribeToEvents.Resume(t.Context(), events, req) {
		if err != nil {
			t.Fatal(err)
		}
		if subjects = append(subjects, event.GetSubject()); len(subjects) == 3 {
			break
		}
		place()
	}
	if len(subjects) != 3 || subjects[0] != "orders/1" || subjects[1] != "orders/2" || subjects[2] != "orders/3" {
		t.Errorf("the events are of %v", subjects)
	}
}
