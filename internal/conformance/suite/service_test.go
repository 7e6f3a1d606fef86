package suite

import (
	"context"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1"
	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1/conformancev1service"
	"github.com/grpcservice/grpcservice/runtime"
)

type (
	payload     = conformancev1.ConformancePayload
	requestInfo = conformancev1.ConformancePayload_RequestInfo
)

// service does what requests say, as the suite's protos define it. Unimplemented is inherited.
type service struct {
	conformancev1service.UnimplementedConformanceService
}

func (service) Unary(
	ctx context.Context, req *conformancev1.UnaryRequest,
) (*conformancev1.UnaryResponse, error) {
	p, err := respond(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.UnaryResponse{Payload: p}, err
}

func (service) IdempotentUnary(
	ctx context.Context, req *conformancev1.IdempotentUnaryRequest,
) (*conformancev1.IdempotentUnaryResponse, error) {
	p, err := respond(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.IdempotentUnaryResponse{Payload: p}, err
}

func (service) ClientStream(
	ctx context.Context, reqs runtime.Stream[conformancev1.ClientStreamRequest],
) (*conformancev1.ClientStreamResponse, error) {
	var all []proto.Message
	var def *conformancev1.UnaryResponseDefinition
	for req, err := range reqs {
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			def = req.GetResponseDefinition()
		}
		all = append(all, req)
	}
	p, err := respond(ctx, def, all...)
	return &conformancev1.ClientStreamResponse{Payload: p}, err
}

func (service) ServerStream(
	ctx context.Context, req *conformancev1.ServerStreamRequest,
) runtime.Stream[conformancev1.ServerStreamResponse] {
	return func(yield func(*conformancev1.ServerStreamResponse, error) bool) {
		s := responses{ctx: ctx, def: req.GetResponseDefinition(), received: []proto.Message{req},
			yield: func(p *payload, err error) bool {
				return yield(&conformancev1.ServerStreamResponse{Payload: p}, err)
			}}
		_ = s.start() && s.sendRest()
	}
}

func (service) BidiStream(
	ctx context.Context, reqs runtime.Stream[conformancev1.BidiStreamRequest],
) runtime.Stream[conformancev1.BidiStreamResponse] {
	return func(yield func(*conformancev1.BidiStreamResponse, error) bool) {
		s := responses{ctx: ctx, yield: func(p *payload, err error) bool {
			return yield(&conformancev1.BidiStreamResponse{Payload: p}, err)
		}}
		started, fullDuplex := false, false
		for req, err := range reqs {
			if err != nil {
				yield(nil, err)
				return
			}
			s.received = append(s.received, req)
			if !started {
				started, fullDuplex = true, req.GetFullDuplex()
				s.def = req.GetResponseDefinition()
				s.echoEach = fullDuplex
				// A server that responds before the request of HTTP/1.1 has ended may lose the rest.
				if fullDuplex && !s.start() {
					return
				}
			}
			if fullDuplex {
				if s.sent == len(s.def.GetResponseData()) {
					break
				}
				if !s.sendOne() {
					return
				}
			}
		}
		if fullDuplex || s.start() {
			s.sendRest()
		}
	}
}

// respond returns the one response, or the error, that a definition describes.
func respond(
	ctx context.Context, def *conformancev1.UnaryResponseDefinition, received ...proto.Message,
) (*payload, error) {
	info := about(ctx, received)
	if def == nil {
		return &payload{RequestInfo: info}, nil
	}
	if err := setMetadata(ctx, def); err != nil {
		return nil, err
	}
	if err := wait(ctx, def.GetResponseDelayMs()); err != nil {
		return nil, err
	}
	if def.GetError() != nil {
		return nil, failure(def.GetError(), info)
	}
	return &payload{RequestInfo: info, Data: def.GetResponseData()}, nil
}

// responses sends those of a stream.
type responses struct {
	ctx      context.Context
	def      *conformancev1.StreamResponseDefinition
	yield    func(*payload, error) bool
	received []proto.Message // since the last response
	sent     int
	echoEach bool
}

// start sends the headers. It reports whether the stream continues, as the other methods do.
func (s *responses) start() bool {
	if s.def == nil {
		return true
	}
	err := setMetadata(s.ctx, s.def)
	if err == nil {
		err = grpc.SendHeader(s.ctx, nil)
	}
	return err == nil || s.yield(nil, err)
}

func (s *responses) sendOne() bool {
	if err := wait(s.ctx, s.def.GetResponseDelayMs()); err != nil {
		return s.yield(nil, err)
	}
	p := &payload{Data: s.def.GetResponseData()[s.sent]}
	if s.sent == 0 {
		p.RequestInfo = about(s.ctx, s.received)
	} else if s.echoEach {
		p.RequestInfo = &requestInfo{Requests: pack(s.received)}
	}
	s.sent++
	s.received = nil
	return s.yield(p, nil)
}

func (s *responses) sendRest() bool {
	for s.sent < len(s.def.GetResponseData()) {
		if !s.sendOne() {
			return false
		}
		s.echoEach = false
	}
	if s.def.GetError() == nil {
		return true
	}
	var info *requestInfo
	if s.sent == 0 {
		info = about(s.ctx, s.received)
	}
	return s.yield(nil, failure(s.def.GetError(), info))
}

// setMetadata sets the headers and trailers of a definition.
func setMetadata(ctx context.Context, def interface {
	GetResponseHeaders() []*conformancev1.Header
	GetResponseTrailers() []*conformancev1.Header
}) error {
	if err := grpc.SetHeader(ctx, toMetadata(def.GetResponseHeaders())); err != nil {
		return err
	}
	return grpc.SetTrailer(ctx, toMetadata(def.GetResponseTrailers()))
}

func wait(ctx context.Context, ms uint32) error {
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failure is an error as requests define it, with what was received as its last detail.
func failure(def *conformancev1.Error, info *requestInfo) error {
	s := &statuspb.Status{
		Code: int32(def.GetCode()), Message: def.GetMessage(), Details: def.GetDetails()}
	if info != nil {
		s.Details = append(s.Details, pack([]proto.Message{info})...)
	}
	return status.ErrorProto(s)
}

// about describes the call, with the requests that were received.
func about(ctx context.Context, received []proto.Message) *requestInfo {
	md, _ := metadata.FromIncomingContext(ctx)
	info := &requestInfo{RequestHeaders: fromMetadata(md), Requests: pack(received)}
	if deadline, ok := ctx.Deadline(); ok {
		info.TimeoutMs = proto.Int64(max(0, time.Until(deadline).Milliseconds()))
	}
	return info
}

func pack(messages []proto.Message) []*anypb.Any {
	packed := make([]*anypb.Any, len(messages))
	for i, m := range messages {
		var err error
		if packed[i], err = anypb.New(m); err != nil {
			panic(err) // the message was decoded before
		}
	}
	return packed
}
