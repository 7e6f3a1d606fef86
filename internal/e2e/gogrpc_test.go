package e2e

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	adapters "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1servicegogrpc"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/gogrpc"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// oldKinds is a service as protoc-gen-go-grpc has it implemented.
type oldKinds struct {
	kindsv1.UnimplementedKindsServiceServer
	late chan error // gets the error of a Send after the method has returned
	done chan struct{}
}

func (s *oldKinds) ServerStream(req *kindsv1.Request, ss grpc.ServerStreamingServer[kindsv1.Response]) error {
	if err := errors.Join(ss.SetHeader(metadata.Pairs("from", "header")), ss.SendMsg(&kindsv1.Response{Text: "message"})); err != nil {
		return err
	}
	ss.SetTrailer(metadata.Pairs("from", "trailer"))
	go func() {
		<-s.done
		s.late <- ss.Send(&kindsv1.Response{})
	}()
	if err := ss.SendMsg(req); status.Code(err) != codes.Internal {
		return errors.New("a message of the wrong type was sent")
	}
	if err := ss.RecvMsg(req); status.Code(err) != codes.Internal {
		return errors.New("a second request was received")
	}
	return ss.Send(&kindsv1.Response{Text: req.GetText()})
}

func (s *oldKinds) ClientStream(cs grpc.ClientStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	var first kindsv1.Request
	if err := cs.RecvMsg(&first); err != nil {
		return err
	}
	if first.GetText() == "no response" {
		return nil
	}
	return cs.SendAndClose(&kindsv1.Response{Text: first.GetText()})
}

func (s *oldKinds) Bidi(bs grpc.BidiStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	received := make(chan *kindsv1.Request)
	go func() { // as many implementations receive
		defer close(received)
		for {
			req, err := bs.Recv()
			if err != nil {
				return
			}
			received <- req
		}
	}()
	for req := range received {
		if err := bs.Send(&kindsv1.Response{Text: req.GetText()}); err != nil {
			return err
		}
	}
	return nil
}

// moving has one method that has moved; the rest are those of oldKinds.
type moving struct{ kindsv1service.KindsService }

func (moving) Unary(context.Context, *kindsv1.Request) (*kindsv1.Response, error) {
	return &kindsv1.Response{Text: "moved"}, nil
}

// TestMovingOneMethodAtATime serves one method of the new kind and three of the old one, and calls
// them as both kinds of clients do.
func TestMovingOneMethodAtATime(t *testing.T) {
	servicetest.NoLeaks(t)
	old := &oldKinds{late: make(chan error, 1), done: make(chan struct{})}
	conn := connect(t, serve(t, moving{adapters.KindsServiceFromServer(old)}))
	for name, svc := range map[string]kindsv1service.KindsService{
		"new client":                   kindsv1service.NewKindsServiceClient(conn),
		"adapted old client":           adapters.KindsServiceFromClient(kindsv1.NewKindsServiceClient(conn)),
		"new client, as old, as a new": adapters.KindsServiceFromClient(adapters.KindsServiceToClient(kindsv1service.NewKindsServiceClient(conn))),
	} {
		t.Run(name, func(t *testing.T) {
			var header, trailer metadata.MD
			ctx := client.WithCallOptions(testContext(t), grpc.Header(&header), grpc.Trailer(&trailer))
			for kind, want := range map[string]string{"Unary": "moved", "ClientStream": "text", "Bidi": "text", "ServerStream": "message text"} {
				got, err := call(ctx, svc, kind, &kindsv1.Request{Text: "text"})
				if err != nil {
					t.Errorf("%s: %v", kind, err)
				}
				var texts []string
				for _, resp := range got {
					texts = append(texts, resp.GetText())
				}
				if text := strings.Join(texts, " "); text != want {
					t.Errorf("%s: got %q, want %q", kind, text, want)
				}
				if kind == "ServerStream" && (header.Get("from") == nil || trailer.Get("from") == nil) {
					t.Errorf("the header is %v and the trailer is %v", header, trailer)
				}
			}
			if _, err := call(ctx, svc, "ClientStream", &kindsv1.Request{Text: "no response"}); status.Code(err) != codes.Internal {
				t.Errorf("without a response: got %v, want INTERNAL", err)
			}
		})
	}
	close(old.done) // one goroutine of each of the calls
	for range 3 {
		if err := within(t, old.late); status.Code(err) != codes.Canceled {
			t.Errorf("a Send after the method has returned: %v, want CANCELED", err)
		}
	}
}

// TestAdaptersPassPanicsOn checks that a panic of a method that is called without a network reaches
// its caller, and ends no process.
func TestAdaptersPassPanicsOn(t *testing.T) {
	servicetest.NoLeaks(t)
	svc := adapters.KindsServiceFromClient(adapters.KindsServiceToClient(kindsService{}))
	for _, kind := range kinds {
		func() {
			defer func() {
				if value := recover(); value == nil {
					t.Errorf("%s: there was no panic", kind)
				}
			}()
			_, err := call(testContext(t), svc, kind, &kindsv1.Request{Fault: kindsv1.Fault_FAULT_PANIC})
			t.Errorf("%s: got %v", kind, err)
		}()
	}
}

// TestFakesOfOldClientsCanBeAdapted checks that an adapter needs only the typed methods of streams,
// which are all that hand-written fakes have.
func TestFakesOfOldClientsCanBeAdapted(t *testing.T) {
	svc := adapters.KindsServiceFromClient(fakeClient{})
	got, err := stream.Collect(svc.ServerStream(testContext(t), &kindsv1.Request{Text: "fake"}))
	if err != nil || len(got) != 1 || got[0].GetText() != "fake" {
		t.Errorf("got %v, %v", got, err)
	}
	failed := errors.New("the fake fails")
	_, err = stream.Collect(adapters.KindsServiceFromClient(fakeClient{failure: failed}).ServerStream(testContext(t), &kindsv1.Request{}))
	if !errors.Is(err, failed) {
		t.Errorf("got %v, want the error of the fake", err)
	}
}

type fakeClient struct {
	kindsv1.KindsServiceClient
	failure error
}

func (c fakeClient) ServerStream(_ context.Context, req *kindsv1.Request, _ ...grpc.CallOption) (grpc.ServerStreamingClient[kindsv1.Response], error) {
	return &fakeStream{resp: &kindsv1.Response{Text: req.GetText()}}, c.failure
}

type fakeStream struct {
	grpc.ClientStream
	resp *kindsv1.Response
}

func (s *fakeStream) Recv() (*kindsv1.Response, error) {
	if s.resp == nil {
		return nil, io.EOF
	}
	resp := s.resp
	s.resp = nil
	return resp, nil
}
func (s *fakeStream) Header() (metadata.MD, error) { return nil, nil }
func (s *fakeStream) Trailer() metadata.MD         { return nil }

// TestConnWithoutAMethod checks the error of an adapter that is older than its service.
func TestConnWithoutAMethod(t *testing.T) {
	svc := kindsv1service.NewKindsServiceClient(gogrpc.Conn{
		kindsv1service.KindsServiceUnaryMethod: gogrpc.ToUnary(func(context.Context, *kindsv1.Response) (*kindsv1.Response, error) { return nil, nil }),
	})
	for kind, want := range map[string]codes.Code{"Unary": codes.Internal, "ServerStream": codes.Unimplemented, "Bidi": codes.Unimplemented} {
		if _, err := call(testContext(t), svc, kind, &kindsv1.Request{}); status.Code(err) != want {
			t.Errorf("%s: got %v, want %v", kind, err, want)
		}
	}
}

// TestAdaptedStreamsEndWithTheirContext checks that a caller of an adapted client does not wait for
// a method that ignores its context.
func TestAdaptedStreamsEndWithTheirContext(t *testing.T) {
	release := make(chan struct{})
	old := gogrpc.Conn{"/x": gogrpc.ToServerStream(func(context.Context, *kindsv1.Request) runtime.Stream[kindsv1.Response] {
		return func(func(*kindsv1.Response, error) bool) { <-release }
	})}
	defer close(release)
	ctx, cancel := context.WithCancel(testContext(t))
	ss, err := old.NewStream(ctx, nil, "/x")
	if err != nil {
		t.Fatal(err)
	}
	if err := ss.SendMsg(&kindsv1.Request{}); err != nil {
		t.Fatal(err)
	}
	if err := ss.SendMsg(&kindsv1.Request{}); status.Code(err) != codes.Internal {
		t.Errorf("a second request: got %v, want INTERNAL", err)
	}
	cancel()
	if err := ss.RecvMsg(&kindsv1.Response{}); status.Code(err) != codes.Canceled {
		t.Errorf("got %v, want CANCELED", err)
	}
	if _, err := ss.Header(); status.Code(err) != codes.Canceled {
		t.Errorf("the header: got %v, want CANCELED", err)
	}
}
