package suite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1"
	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1/conformancev1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// parallelCalls is how many calls the client under test makes at a time. Most of them wait.
const parallelCalls = 16

// callAll is the client under test: it makes the calls that requests of the suite describe, each
// with the generated client.
func callAll(ctx context.Context, in io.Reader, out io.Writer) error {
	slots := make(chan struct{}, parallelCalls)
	var calls sync.WaitGroup
	defer calls.Wait()
	var writing sync.Mutex
	for {
		req := &conformancev1.ClientCompatRequest{}
		if err := readFrame(in, req); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the suite's request: %w", err)
		}
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			resp := &conformancev1.ClientCompatResponse{TestName: req.GetTestName()}
			result, err := callOne(ctx, req)
			if err != nil {
				resp.Result = &conformancev1.ClientCompatResponse_Error{
					Error: &conformancev1.ClientErrorResult{Message: err.Error()}}
			} else {
				resp.Result = &conformancev1.ClientCompatResponse_Response{Response: result}
			}
			writing.Lock()
			defer writing.Unlock()
			_ = writeFrame(out, resp) // the suite reports a missing response
		})
	}
}

// callOne makes one call over a connection of its own.
func callOne(
	ctx context.Context, req *conformancev1.ClientCompatRequest,
) (*conformancev1.ClientResponseResult, error) {
	conn, err := dial(req)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var header, trailer metadata.MD
	opts := []grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}
	if req.GetCompression() == conformancev1.Compression_COMPRESSION_GZIP {
		opts = append(opts, grpc.UseCompressor(gzip.Name))
	}
	if limit := req.GetMessageReceiveLimit(); limit > 0 {
		opts = append(opts, grpc.MaxCallRecvMsgSize(int(limit)))
	}
	if req.TimeoutMs != nil {
		if err := connect(ctx, conn); err != nil { // the timeout is that of the call
			return nil, err
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, milliseconds(req.GetTimeoutMs()))
		defer cancel()
	}
	ctx = metadata.NewOutgoingContext(ctx, toMetadata(req.GetRequestHeaders()))
	ctx = client.WithCallOptions(ctx, opts...)
	c := &call{req: req, done: make(chan struct{}),
		next: make(chan struct{}, len(req.GetRequestMessages()))}
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	err = c.run(ctx, conformancev1service.NewConformanceServiceClient(client.WithCallTimeout(conn, 0)))
	if errors.As(err, new(unusable)) {
		return nil, err
	}
	result := &conformancev1.ClientResponseResult{
		Payloads: c.payloads, NumUnsentRequests: int32(len(req.GetRequestMessages())) - c.sent.Load(),
		ResponseHeaders: fromMetadata(header), ResponseTrailers: fromMetadata(trailer),
	}
	if err != nil {
		s := status.Convert(err).Proto()
		result.Error = &conformancev1.Error{
			Code:    conformancev1.Code(s.GetCode()),
			Message: proto.String(s.GetMessage()), Details: s.GetDetails()}
	}
	return result, nil
}

func milliseconds(ms uint32) time.Duration { return time.Duration(ms) * time.Millisecond }

func dial(req *conformancev1.ClientCompatRequest) (*client.Conn, error) {
	secure := client.WithInsecure()
	if ca := req.GetServerTlsCert(); len(ca) > 0 {
		config := &tls.Config{RootCAs: x509.NewCertPool()}
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("the server's certificate is not PEM")
		}
		if creds := req.GetClientTlsCreds(); creds != nil {
			cert, err := tls.X509KeyPair(creds.GetCert(), creds.GetKey())
			if err != nil {
				return nil, err
			}
			config.Certificates = []tls.Certificate{cert}
		}
		secure = client.WithTLS(config)
	}
	target := net.JoinHostPort(req.GetHost(), strconv.Itoa(int(req.GetPort())))
	return client.Dial(target, conformancev1service.ConformanceServiceConfig(), secure)
}

// connect waits until conn has a connection.
func connect(ctx context.Context, conn *client.Conn) error {
	conn.Connect()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if !conn.WaitForStateChange(ctx, state) {
			return ctx.Err()
		}
	}
	return nil
}

// unusable is a request of the suite that the client does not understand.
type unusable struct{ error }

// call makes a call as the request says.
type call struct {
	req      *conformancev1.ClientCompatRequest
	cancel   context.CancelFunc
	payloads []*payload
	sent     atomic.Int32  // of the requests of a stream, which may still run when the call has ended
	next     chan struct{} // a response has arrived, so a full-duplex call sends its next request
	done     chan struct{} // no response arrives any more
}

func (c *call) run(ctx context.Context, svc conformancev1service.ConformanceService) error {
	switch c.req.GetMethod() {
	case "Unary":
		return unary(ctx, c, svc.Unary)
	case "IdempotentUnary":
		return unary(ctx, c, svc.IdempotentUnary)
	case "Unimplemented":
		req, err := only[conformancev1.UnimplementedRequest](c.req)
		if err == nil {
			_, err = svc.Unimplemented(ctx, req)
		}
		return err
	case "ServerStream":
		req, err := only[conformancev1.ServerStreamRequest](c.req)
		if err != nil {
			return err
		}
		c.cancelLater()
		return receive(c, svc.ServerStream(ctx, req))
	case "ClientStream":
		resp, err := svc.ClientStream(ctx, requests[conformancev1.ClientStreamRequest](ctx, c))
		if err == nil {
			c.received(resp)
		}
		return err
	case "BidiStream":
		return receive(c, svc.BidiStream(ctx, requests[conformancev1.BidiStreamRequest](ctx, c)))
	}
	return unusable{fmt.Errorf("method %q", c.req.GetMethod())}
}

// message is a pointer to a message.
type message[T any] interface {
	*T
	proto.Message
}

// only returns the only request.
func only[T any, M message[T]](req *conformancev1.ClientCompatRequest) (*T, error) {
	if n := len(req.GetRequestMessages()); n != 1 {
		return nil, unusable{fmt.Errorf("%d requests", n)}
	}
	msg := new(T)
	if err := req.GetRequestMessages()[0].UnmarshalTo(M(msg)); err != nil {
		return nil, unusable{err}
	}
	return msg, nil
}

func unary[Req, Resp any, M message[Req]](
	ctx context.Context, c *call, method func(context.Context, *Req) (*Resp, error),
) error {
	req, err := only[Req, M](c.req)
	if err != nil {
		return err
	}
	c.cancelLater()
	resp, err := method(ctx, req)
	if err == nil {
		c.received(resp)
	}
	return err
}

// requests sends the requests of a stream, and cancels the call as its request says.
func requests[T any, M message[T]](ctx context.Context, c *call) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		for _, packed := range c.req.GetRequestMessages() {
			msg := new(T)
			if err := packed.UnmarshalTo(M(msg)); err != nil {
				yield(nil, unusable{err})
				return
			}
			time.Sleep(milliseconds(c.req.GetRequestDelayMs()))
			if !yield(msg, nil) {
				return
			}
			c.sent.Add(1)
			if c.req.GetStreamType() == conformancev1.StreamType_STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM {
				select {
				case <-c.next:
				case <-c.done:
				}
			}
		}
		if c.req.GetCancel().GetBeforeCloseSend() != nil {
			c.cancel()
			<-ctx.Done()
			return
		}
		c.cancelLater()
	}
}

// cancelLater cancels the call after its requests, if it is to be canceled.
func (c *call) cancelLater() {
	switch when := c.req.GetCancel().GetCancelTiming().(type) {
	case *conformancev1.ClientCompatRequest_Cancel_AfterCloseSendMs:
		time.AfterFunc(milliseconds(when.AfterCloseSendMs), c.cancel)
	case nil:
		if c.req.GetCancel() != nil {
			c.cancel()
		}
	}
}

func receive[T any](c *call, responses runtime.Stream[T]) error {
	defer close(c.done)
	for resp, err := range responses {
		if err != nil {
			return err
		}
		c.received(resp)
		if len(c.payloads) == int(c.req.GetCancel().GetAfterNumResponses()) {
			c.cancel()
		}
		select {
		case c.next <- struct{}{}:
		default: // more responses than requests
		}
	}
	return nil
}

// received keeps the payload of a response.
func (c *call) received(resp any) {
	p := resp.(interface{ GetPayload() *payload }).GetPayload()
	if p == nil {
		p = &payload{}
	}
	c.payloads = append(c.payloads, p)
}
