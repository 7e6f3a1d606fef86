package subscription_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/subscription"
)

type (
	event   = subscriptionv1.Event
	request = subscriptionv1.SubscribeRequest
)

// eventService is what is generated for a service with a subscription.
type eventService interface {
	Subscribe(context.Context, *request) runtime.Stream[event]
}

// events implements it, and is a client of itself.
type events func(context.Context, *request) runtime.Stream[event]

func (f events) Subscribe(ctx context.Context, req *request) runtime.Stream[event] {
	return f(ctx, req)
}

var (
	table = runtime.NewService("subscription.v1.EventService", subscriptionv1.File_subscription_v1_subscription_proto,
		runtime.ServerStream("Subscribe", eventService.Subscribe, runtime.Policy{Auth: &runtime.Auth{}}))
	fields = subscription.Fields{
		Position: "position", NextPosition: "next_position", Since: "since", Types: "event_types", Type: "type",
		Lines: "lines", Level: "level", EntryLevel: "level",
	}
	subscribe = subscription.Of(table.Method("Subscribe"), eventService.Subscribe, fields)
	quiet     = server.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
)

// with returns the method with other fields.
func with(change func(*subscription.Fields)) *subscription.Method[eventService, request, event] {
	f := fields
	change(&f)
	return subscription.Of(table.Method("Subscribe"), eventService.Subscribe, f)
}

// newLog returns a log with the events from 1 to n.
func newLog(t testing.TB, n int64, opts ...eventlog.Option) *eventlog.Log[event] {
	t.Helper()
	log := eventlog.New[event](eventlog.NewMemory(), opts...)
	add(t, log, 1, n)
	return log
}

// add appends the events with the numbers from first to last.
func add(t testing.TB, log *eventlog.Log[event], first, last int64) {
	t.Helper()
	for id := first; id <= last; id++ {
		if _, err := log.Append(t.Context(), &event{Id: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// start returns a request for all events.
func start(t testing.TB, log *eventlog.Log[event]) *request {
	t.Helper()
	b, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &request{Position: tokenOf(t, log, b.Earliest().Sequence)}
}

// tokenOf returns the token of a position, which it finds in the error for an expired one.
func tokenOf(t testing.TB, log *eventlog.Log[event], sequence uint64) string {
	t.Helper()
	b, _ := log.Bounds(t.Context())
	return subscription.TokenForTest("/subscription.v1.EventService/Subscribe", log.Name(), eventlog.Position{Epoch: b.Epoch, Sequence: sequence})
}

// receive returns the next n events of a stream, and the error that ended it.
func receive(stream runtime.Stream[event], n int) (got []*event, err error) {
	for e, err := range stream {
		if err != nil {
			return got, err
		}
		if got = append(got, e); len(got) == n {
			break
		}
	}
	return got, nil
}

// ids returns the numbers of events.
func ids(got []*event) []int64 {
	numbers := make([]int64, len(got))
	for i, e := range got {
		numbers[i] = e.GetId()
	}
	return numbers
}

// wantRange checks the numbers of events.
func wantRange(t testing.TB, got []*event, err error, first, last int64) {
	t.Helper()
	if err != nil {
		t.Fatalf("after %d events: %v", len(got), err)
	}
	if int64(len(got)) != last-first+1 {
		t.Fatalf("got %v, want %d to %d", ids(got), first, last)
	}
	for i, e := range got {
		if e.GetId() != first+int64(i) {
			t.Fatalf("got %v, want %d to %d", ids(got), first, last)
		}
	}
}

// want checks the numbers of the next events of a stream.
func want(t testing.TB, stream runtime.Stream[event], numbers ...int64) []*event {
	t.Helper()
	got, err := receive(stream, len(numbers))
	if err != nil {
		t.Fatalf("got %v and %v, want %v", ids(got), err, numbers)
	}
	for i, e := range got {
		if e.GetId() != numbers[i] {
			t.Fatalf("got %v, want %v", ids(got), numbers)
		}
	}
	return got
}

// wantInvalid checks that a request was rejected for one field.
func wantInvalid(t testing.TB, err error, field string, reason rpcerr.Reason) {
	t.Helper()
	violations := rpcerr.FieldViolations(err)
	if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != reason ||
		len(violations) != 1 || violations[0].Field != field || violations[0].Reason != reason.Name() || violations[0].Description == "" {
		t.Errorf("got %v, reason %s, violations %v; want INVALID_ARGUMENT, %s at %s", err, rpcerr.ReasonOf(err), violations, reason, field)
	}
}

// wantInternal checks that a mistake of the service is for its log only.
func wantInternal(t testing.TB, err error, log string) {
	t.Helper()
	if status.Code(err) != codes.Internal || status.Convert(err).Message() != "internal error" || !contains(err.Error(), log) {
		t.Errorf("got %v, want INTERNAL with %q in the log alone", err, log)
	}
}

// asking returns a context as of a call whose client asks for marks.
func asking(ctx context.Context) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs("grpcservice-marks", "1"))
}

// serve serves the service over a connection, and returns its client.
func serve(t testing.TB, impl events, opts ...server.Option) eventService {
	t.Helper()
	return clientOf(servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[eventService](r, table, impl) },
		append(opts, quiet)...))
}

func clientOf(conn grpc.ClientConnInterface) eventService {
	method := client.Bind(conn, table.Method("Subscribe"))
	return events(func(ctx context.Context, req *request) runtime.Stream[event] {
		return client.ServerStream[event](ctx, method, req)
	})
}

func reason(err error) string { return rpcerr.ReasonOf(err).Name() }
