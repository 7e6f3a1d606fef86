package e2e

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// secret is a text that no client may ever see.
const secret = "password=hunter2"

// kindsService does what its requests say.
type kindsService struct {
	entered chan struct{} // gets a value as each call begins; nil is nobody
	ended   chan error    // gets the context's error as each stream of responses ends; nil is nobody
}

var _ kindsv1service.KindsService = kindsService{}

func (s kindsService) Unary(ctx context.Context, req *kindsv1.Request) (*kindsv1.Response, error) {
	s.enter()
	return respond(ctx, req, 0)
}

func (s kindsService) ServerStream(ctx context.Context, req *kindsv1.Request) runtime.Stream[kindsv1.Response] {
	s.enter()
	return func(yield func(*kindsv1.Response, error) bool) {
		defer s.end(ctx)
		respondAll(ctx, req, yield)
	}
}

func (s kindsService) ClientStream(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) (*kindsv1.Response, error) {
	s.enter()
	sum := &kindsv1.Request{}
	var texts []string
	var payload bytes.Buffer
	count := int32(0)
	for req, err := range reqs {
		if err != nil {
			return nil, err
		}
		sum = req
		texts = append(texts, req.GetText())
		payload.Write(req.GetPayload())
		count++
	}
	resp, err := respond(ctx, sum, count)
	if resp != nil {
		resp.Text, resp.Payload = strings.Join(texts, ","), payload.Bytes()
	}
	return resp, err
}

func (s kindsService) Bidi(ctx context.Context, reqs runtime.Stream[kindsv1.Request]) runtime.Stream[kindsv1.Response] {
	s.enter()
	return func(yield func(*kindsv1.Response, error) bool) {
		defer s.end(ctx)
		for req, err := range reqs {
			if err != nil {
				yield(nil, err)
				return
			}
			if !respondAll(ctx, req, yield) {
				return
			}
		}
	}
}

func (s kindsService) enter() {
	if s.entered != nil {
		s.entered <- struct{}{}
	}
}

func (s kindsService) end(ctx context.Context) {
	if s.ended != nil {
		s.ended <- ctx.Err()
	}
}

// respondAll yields the responses to one request, and false where the stream is over.
func respondAll(ctx context.Context, req *kindsv1.Request, yield func(*kindsv1.Response, error) bool) bool {
	good := req.GetCount()
	if req.GetFault() != kindsv1.Fault_FAULT_UNSPECIFIED {
		good = req.GetAfter()
	}
	for i := range good {
		if !yield(answer(ctx, req, i), nil) {
			return false
		}
	}
	if req.GetFault() == kindsv1.Fault_FAULT_UNSPECIFIED {
		return true
	}
	yield(respond(ctx, req, good))
	return false
}

// respond answers one request, or does what its fault says.
func respond(ctx context.Context, req *kindsv1.Request, number int32) (*kindsv1.Response, error) {
	switch req.GetFault() {
	case kindsv1.Fault_FAULT_STATUS:
		return nil, status.Error(codes.Code(req.GetCode()), "as the request said")
	case kindsv1.Fault_FAULT_ERROR:
		return nil, errors.New(secret)
	case kindsv1.Fault_FAULT_PANIC:
		panic(secret)
	case kindsv1.Fault_FAULT_PANIC_IN_GOROUTINE:
		runtime.Go(ctx, func(context.Context) error { panic(secret) })
	case kindsv1.Fault_FAULT_NIL_RESPONSE:
		return nil, nil
	case kindsv1.Fault_FAULT_WAIT, kindsv1.Fault_FAULT_CONTEXT_ERROR:
		<-ctx.Done()
		return nil, ctx.Err()
	case kindsv1.Fault_FAULT_IGNORE_CONTEXT:
		time.Sleep(req.GetDelay().AsDuration()) // what a method that ignores its context does
	}
	return answer(ctx, req, number), nil
}

// answer tells what the call looks like from inside.
func answer(ctx context.Context, req *kindsv1.Request, number int32) *kindsv1.Response {
	resp := &kindsv1.Response{Text: req.GetText(), Count: number, Payload: req.GetPayload(), Metadata: map[string]string{}}
	if deadline, ok := ctx.Deadline(); ok {
		resp.TimeLeft = durationpb.New(time.Until(deadline))
	}
	if call, ok := runtime.CallFromContext(ctx); ok {
		resp.RequestId = call.RequestID()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for key, values := range md {
		resp.Metadata[key] = values[0]
	}
	return resp
}
