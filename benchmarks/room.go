package main

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/hub"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// queueSize is how many messages wait for a member: more than a round has.
const queueSize = 4096

// registerRoom puts KindsService with a kind of rooms on a server of grpc's own. Its Unary
// publishes.
func registerRoom(stack string) *grpc.Server {
	srv := grpc.NewServer()
	if stack == loopRoom {
		loop := &loopService{members: make(map[chan *kindsv1.Response]bool)}
		kindsv1.RegisterKindsServiceServer(srv, loop)
		return srv
	}
	ours := server.On(srv,
		server.WithoutAuthentication(), server.WithLogger(logger(oursNoLog)),
		server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0), server.WithSendTimeout(0),
		server.WithResponseCompression(server.CompressAsked, 0),
	)
	kindsv1service.RegisterKindsService(ours, &hubService{hub: hub.New[kindsv1.Response](
		hub.WithQueue(queueSize), hub.WithQueueBytes(1<<30), hub.WithSlow(hub.DropOldest),
	)})
	return srv
}

// welcome is the first message of a member.
var welcome = &kindsv1.Response{Text: "welcome"}

// publish publishes the messages that a request asks for.
func publish(req *kindsv1.Request, publish func(*kindsv1.Response)) (*kindsv1.Response, error) {
	msg, err := sizeOf(req.GetText())
	if err != nil {
		return nil, err
	}
	for range req.GetCount() {
		publish(msg)
	}
	return &kindsv1.Response{}, nil
}

// loopService has a channel for each member.
type loopService struct {
	kindsv1.UnimplementedKindsServiceServer
	mu      sync.Mutex
	members map[chan *kindsv1.Response]bool
}

func (s *loopService) Unary(_ context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	return publish(req, func(msg *kindsv1.Response) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for queue := range s.members {
			queue <- msg
		}
	})
}

func (s *loopService) Bidi(ss grpc.BidiStreamingServer[kindsv1.Request, kindsv1.Response]) error {
	if _, err := ss.Recv(); err != nil {
		return err
	}
	queue := make(chan *kindsv1.Response, queueSize)
	s.mu.Lock()
	s.members[queue] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.members, queue)
	}()
	for msg := welcome; ; {
		if err := ss.Send(msg); err != nil {
			return err
		}
		select {
		case msg = <-queue:
		case <-ss.Context().Done():
			return ss.Context().Err()
		}
	}
}

// hubService has a hub.
type hubService struct {
	kindsv1service.UnimplementedKindsService
	hub *hub.Hub[kindsv1.Response]
}

func (s *hubService) Unary(
	ctx context.Context, req *kindsv1.Request,
) (resp *kindsv1.Response, err error) {
	return publish(req, func(msg *kindsv1.Response) {
		if failure := s.hub.Publish(ctx, "room", msg); failure != nil {
			err = failure
		}
	})
}

// bidi is the RPC of the rooms.
var bidi = hub.Of(
	runtime.NewMethodInfo(kindsv1service.KindsServiceName, "Bidi", runtime.KindBidi, runtime.Policy{}),
	kindsv1service.KindsService.Bidi, hub.Fields{Room: "text"},
)

func (s *hubService) Bidi(
	ctx context.Context, reqs runtime.Stream[kindsv1.Request],
) runtime.Stream[kindsv1.Response] {
	return bidi.Serve(ctx, reqs, s.hub, hub.Handler[kindsv1.Request, kindsv1.Response]{
		Receive: func(ctx context.Context, m *hub.Member[kindsv1.Response], _ *kindsv1.Request) error {
			return m.Send(ctx, welcome)
		},
	})
}

func protoCodec() encoding.CodecV2 { return encoding.GetCodecV2("proto") }
