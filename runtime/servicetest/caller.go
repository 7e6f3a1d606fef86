package servicetest

import (
	"context"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// maxResponses is the number of responses of a stream that a caller reads before it cancels the
// call.
const maxResponses = 100

// try makes calls to a separate server, and returns what is wrong with the method. It stops at the
// first call with a finding.
func (p *probe) try(calls []plan, register func(grpc.ServiceRegistrar), opts []server.Option) (found []string) {
	s, err := start(register, p.around(opts)...)
	if err != nil {
		return []string{err.Error()}
	}
	for _, call := range calls {
		if found = p.call(s.conn, call); len(found) > 0 {
			break
		}
	}
	if err := s.stop(); err != nil && len(found) == 0 {
		found = append(found, err.Error())
	}
	return found
}

// call makes one call, waits for the method to return, and judges the outcome.
func (p *probe) call(conn *grpc.ClientConn, call plan) []string {
	seen := p.expect()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", seen.id)
	if call.fault != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, faultKey, call.fault)
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	err := p.exchange(ctx, cancel, conn, call, seen)
	answered := ctx.Err() == nil // by the server, not by our own deadline or cancellation
	cancel()
	switch {
	case closed(seen.ended, 0):
		return p.judge(call, seen, err)
	case answered && !closed(seen.begun, 0):
		return p.judge(call, new(sighting), err) // something before the method has returned
	case closed(seen.ended, returnTimeout):
		return p.judge(call, seen, err)
	case closed(seen.begun, 0):
		return []string{p.stillRunning(call)}
	default:
		return nil // nothing reached the server in time
	}
}

// closed waits for ch to be closed.
func closed(ch <-chan struct{}, timeout time.Duration) bool {
	select {
	case <-ch:
		return true
	default:
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-timer.C:
		return false
	}
}

// exchange sends the requests and reads the responses. It returns the error that the call returned.
func (p *probe) exchange(ctx context.Context, cancel func(), conn *grpc.ClientConn, call plan, seen *sighting) error {
	// On the wire all kinds are the same
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	path := fmt.Sprintf("/%s/%s", p.method.Parent().FullName(), p.method.Name())
	cs, err := conn.NewStream(ctx, desc, path, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		return err
	}
	sent, received := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sent)
		p.send(cs, call)
		if call.leaves {
			select {
			case <-seen.begun:
				cancel()
			case <-received:
			}
		}
	}()
	err = p.receive(cs, cancel)
	close(received)
	<-sent
	return err
}

// send sends the requests of a call, which may finish early. If the caller cancels the call, send
// leaves the request stream open.
func (p *probe) send(cs grpc.ClientStream, call plan) {
	for _, req := range call.requests {
		if cs.SendMsg(req.bytes) != nil {
			return // RecvMsg returns the reason
		}
	}
	if !call.leaves || !p.method.IsStreamingClient() {
		_ = cs.CloseSend()
	}
}

// receive reads responses until the stream ends, or until no response arrives for a while.
func (p *probe) receive(cs grpc.ClientStream, cancel func()) error {
	if p.method.IsStreamingServer() {
		quiet := time.AfterFunc(QuietTimeout, cancel)
		defer quiet.Stop()
		return receiveEach(cs, func(n int) {
			if n == maxResponses {
				cancel()
			}
			quiet.Reset(QuietTimeout)
		})
	}
	return receiveEach(cs, func(int) {})
}

// receiveEach calls got with the number of each response, and returns the final status.
func receiveEach(cs grpc.ClientStream, got func(n int)) error {
	for n := 1; ; n++ {
		var resp []byte
		if err := cs.RecvMsg(&resp); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		got(n)
	}
}
