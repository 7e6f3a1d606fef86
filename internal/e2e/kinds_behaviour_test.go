package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1servicetest"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestEveryKindAnswers(t *testing.T) {
	onEachEnd(t, kindsService{}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
		got, err := call(testContext(t), stub, kind, &kindsv1.Request{Text: "hello", Payload: []byte{0, 255}, Count: 3})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"Unary": 1, "ServerStream": 3, "ClientStream": 1, "Bidi": 3}[kind]
		if len(got) != want {
			t.Fatalf("%d responses, want %d", len(got), want)
		}
		for _, resp := range got {
			if resp.GetText() != "hello" || string(resp.GetPayload()) != "\x00\xff" {
				t.Errorf("response %v", resp)
			}
		}
	})
}

func TestEveryKindFails(t *testing.T) {
	for name, test := range map[string]struct {
		req     *kindsv1.Request
		code    codes.Code
		message string
	}{
		"status":             {&kindsv1.Request{Fault: kindsv1.Fault_FAULT_STATUS, Code: int32(codes.NotFound)}, codes.NotFound, "as the request said"},
		"error":              {&kindsv1.Request{Fault: kindsv1.Fault_FAULT_ERROR}, codes.Unknown, "unknown error"},
		"panic":              {&kindsv1.Request{Fault: kindsv1.Fault_FAULT_PANIC}, codes.Internal, "internal error"},
		"panic in goroutine": {&kindsv1.Request{Fault: kindsv1.Fault_FAULT_PANIC_IN_GOROUTINE}, codes.Internal, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			onEachEnd(t, kindsService{}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
				_, err := call(testContext(t), stub, kind, test.req)
				if st := status.Convert(err); st.Code() != test.code || st.Message() != test.message {
					t.Errorf("got %v, want %v %q", err, test.code, test.message)
				}
				if strings.Contains(status.Convert(err).String(), secret) {
					t.Errorf("the secret is out: %v", err)
				}
				if got, err := call(testContext(t), stub, kind, &kindsv1.Request{Count: 1}); err != nil || len(got) != 1 {
					t.Errorf("the server does not live on: %v, %v", got, err)
				}
			})
		})
	}
}

func TestStreamsFailAfterSomeResponses(t *testing.T) {
	onEachEnd(t, kindsService{}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
		if kind == "Unary" || kind == "ClientStream" {
			return // they have one response
		}
		got, err := call(testContext(t), stub, kind, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_PANIC, After: 2})
		if len(got) != 2 || status.Code(err) != codes.Internal {
			t.Errorf("got %d responses and %v, want 2 and INTERNAL", len(got), err)
		}
	})
}

func TestDeadlinesReachTheMethod(t *testing.T) {
	onEachEnd(t, kindsService{}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
		got, err := call(testContext(t), stub, kind, &kindsv1.Request{Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if left := got[0].GetTimeLeft().AsDuration(); left <= 0 || left > patience {
			t.Errorf("the method has %v left, the caller gave it %v", left, patience)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if _, err := call(ctx, stub, kind, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_WAIT}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
		}
	})
}

func TestBreakingOutCancelsTheCall(t *testing.T) {
	ended := make(chan error, 1)
	onEachEnd(t, kindsService{ended: ended}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
		var responses runtime.Stream[kindsv1.Response]
		ctx, cancel := context.WithCancel(testContext(t)) // the stock client has no other way
		defer cancel()
		switch req := (&kindsv1.Request{Count: 1 << 30}); kind {
		case "ServerStream":
			responses = stub.ServerStream(ctx, req)
		case "Bidi":
			responses = stub.Bidi(ctx, stream.Of(req))
		default:
			return
		}
		for _, err := range responses {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if _, stock := stub.(stockClient); stock {
			cancel()
		}
		if err := within(t, ended); err != context.Canceled {
			t.Errorf("the method's context ended with %v", err)
		}
	})
}

func TestMessagesGoBothWaysAtOnce(t *testing.T) {
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	pipe := stream.NewPipe[kindsv1.Request](testContext(t))
	next := make(chan string)
	go func() {
		for text := range next {
			if err := pipe.Send(&kindsv1.Request{Text: text, Count: 1}); err != nil {
				t.Error(err)
			}
		}
		pipe.Close(nil)
	}()
	next <- "1"
	want := 1
	for resp, err := range stub.Bidi(testContext(t), pipe.Stream()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.GetText()) != want { // the next request is made of the response
			t.Errorf("response %q, want %d characters", resp.GetText(), want)
		}
		if want++; want > 100 {
			close(next)
			break
		}
		next <- resp.GetText() + "1"
	}
}

func TestRequestsAreReadOnceAndOn(t *testing.T) {
	impl := kindsv1servicetest.NewFakeKindsService(kindsv1servicetest.FakeKindsService{
		ClientStream: func(_ context.Context, reqs runtime.Stream[kindsv1.Request]) (*kindsv1.Response, error) {
			var texts []string
			for range 3 { // a header, the rest, and what comes after the end
				for req, err := range reqs {
					if err != nil {
						return nil, err
					}
					texts = append(texts, req.GetText())
					if len(texts) == 1 {
						break
					}
				}
				texts = append(texts, "|")
			}
			return &kindsv1.Response{Text: strings.Join(texts, " ")}, nil
		}})
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, impl)))
	got, err := stub.ClientStream(testContext(t), stream.Of(&kindsv1.Request{Text: "header"}, &kindsv1.Request{Text: "a"}, &kindsv1.Request{Text: "b"}))
	if err != nil || got.GetText() != "header | a b | |" {
		t.Errorf("got %q, %v", got.GetText(), err)
	}
}

func TestErrorsInTheRequestsOfAClient(t *testing.T) {
	servicetest.NoLeaks(t)
	ours := errors.New("the file has gone")
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	broken := func(yield func(*kindsv1.Request, error) bool) {
		if yield(&kindsv1.Request{Text: "a"}, nil) {
			yield(nil, ours)
		}
	}
	if _, err := stub.ClientStream(testContext(t), broken); !errors.Is(err, ours) || status.Code(err) != codes.Unknown {
		t.Errorf("ClientStream returned %v, want a status that wraps the error of its requests", err)
	}
	if _, err := stream.Collect(stub.Bidi(testContext(t), broken)); !errors.Is(err, ours) || status.Code(err) != codes.Unknown {
		t.Errorf("Bidi ended with %v, want a status that wraps the error of its requests", err)
	}
}

func TestServersProxyEachOther(t *testing.T) {
	servicetest.NoLeaks(t)
	upstream := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, upstream))) // a client is an implementation
	for _, kind := range kinds {
		ctx := metadata.AppendToOutgoingContext(testContext(t), "x-request-id", kind+"-7")
		got, err := call(ctx, stub, kind, &kindsv1.Request{Text: "far", Count: 1})
		if err != nil || len(got) != 1 || got[0].GetText() != "far" {
			t.Errorf("%s: %v, %v", kind, got, err)
			continue
		}
		if got[0].GetRequestId() != kind+"-7" || got[0].GetMetadata()["x-request-id"] != kind+"-7" {
			t.Errorf("%s: the request id became %q", kind, got[0].GetRequestId())
		}
		if got[0].GetTimeLeft() == nil {
			t.Errorf("%s: the deadline was lost", kind)
		}
		_, err = call(ctx, stub, kind, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_STATUS, Code: int32(codes.Aborted)})
		if status.Code(err) != codes.Aborted {
			t.Errorf("%s: %v, want ABORTED from upstream", kind, err)
		}
	}
}

func TestAnImplementationIsAClient(t *testing.T) {
	var direct kindsv1service.KindsService = kindsService{}
	for _, kind := range kinds {
		got, err := call(testContext(t), direct, kind, &kindsv1.Request{Text: "near", Count: 2})
		if err != nil || len(got) == 0 || got[0].GetText() != "near" {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
}

func TestCallOptionsAndMetadataTravelOnTheContext(t *testing.T) {
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	for _, kind := range kinds {
		var trailer metadata.MD
		ctx := client.WithCallOptions(metadata.AppendToOutgoingContext(testContext(t), "x-tenant", "acme"), grpc.Trailer(&trailer))
		got, err := call(ctx, stub, kind, &kindsv1.Request{Count: 1})
		if err != nil || got[0].GetMetadata()["x-tenant"] != "acme" {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
		if len(got[0].GetRequestId()) != 32 {
			t.Errorf("%s: the client sent the request id %q", kind, got[0].GetRequestId())
		}
		_, err = call(ctx, stub, kind, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_STATUS, Code: int32(codes.NotFound)})
		if id := trailer["x-request-id"]; status.Code(err) != codes.NotFound || len(id) != 1 {
			t.Errorf("%s: %v, trailer %v", kind, err, trailer)
		}
	}
}

func TestUnimplemented(t *testing.T) {
	onEachEnd(t, kindsv1service.UnimplementedKindsService{}, func(t *testing.T, stub kindsv1service.KindsService, kind string) {
		_, err := call(testContext(t), stub, kind, &kindsv1.Request{})
		if st := status.Convert(err); st.Code() != codes.Unimplemented || !strings.Contains(st.Message(), kindsv1service.KindsServiceName+"/"+kind) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnEmptyStreamOfRequests(t *testing.T) {
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	if got, err := stub.ClientStream(testContext(t), stream.Of[kindsv1.Request]()); err != nil || got.GetCount() != 0 {
		t.Errorf("ClientStream: %v, %v", got, err)
	}
	if got, err := stream.Collect(stub.Bidi(testContext(t), stream.Of[kindsv1.Request]())); err != nil || len(got) != 0 {
		t.Errorf("Bidi: %v, %v", got, err)
	}
}

func TestRequestsTooLargeAreRejected(t *testing.T) {
	stub := kindsv1service.NewKindsServiceClient(connect(t, serve(t, kindsService{})))
	for _, kind := range kinds {
		_, err := call(testContext(t), stub, kind, &kindsv1.Request{Payload: make([]byte, server.MaxRecvMsgSize+1)})
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v, want RESOURCE_EXHAUSTED", kind, err)
		}
	}
}
