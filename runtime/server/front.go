package server

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Front serves the methods of a server in other protocols than grpc's transport, such as HTTP. See
// [WithFront]; package web has one.
type Front interface {
	// Serve accepts connections of lis until GracefulStop or Stop is called, or lis fails. It closes
	// lis.
	Serve(lis net.Listener) error
	// GracefulStop accepts no more connections and calls, and returns when the running calls have
	// finished. Stop cuts it short.
	GracefulStop()
	// Stop closes the connections. It may be called several times.
	Stop()
}

// WithFront serves the methods of the server on addr as well, by what open returns, which is called
// when the server starts: it may use the server, but not wait for its end. addr is spelled as for
// [Server.Run]. If it is "", the front serves the address of Run instead of grpc's transport. name
// is for logs and errors.
//
// The front shares everything with the server: policies, rates, the bounds of calls and connections,
// idempotency keys, health, the log, and the shutdown with its budget. Calls enter through
// [Host.Serve].
//
// If open fails, or the server cannot listen on addr, [Server.Run] returns the error before a call
// is accepted. If the front fails later, the server shuts down. [On] panics, because it serves no
// address.
func WithFront(name, addr string, open func(*Host) (Front, error)) Option {
	return func(c *settings) {
		if open == nil {
			c.fail("WithFront(%q, %q, nil): pass a function, or omit the option", name, addr)
			return
		}
		if addr != "" {
			if _, _, err := network.Of(addr); err != nil {
				c.fail("WithFront(%q, %q): %w", name, addr, err)
			}
			c.fronts = append(c.fronts, frontOptions{name, addr, open})
			return
		}
		if c.sole != nil || c.engine != nil {
			c.fail("WithFront(%q): the address of Run has one front or engine; pass one", name)
		}
		c.sole = func(h *Host) (Engine, error) {
			front, err := open(h)
			return soleFront{front}, err
		}
	}
}

// frontOptions are the arguments of [WithFront].
type frontOptions struct {
	name, addr string
	open       func(*Host) (Front, error)
}

// soleFront is the front that serves instead of grpc's transport.
type soleFront struct{ Front }

// RegisterService implements [grpc.ServiceRegistrar]; a front finds the services in its [Host].
func (soleFront) RegisterService(*grpc.ServiceDesc, any) {}

// port is an address with what serves it.
type port struct {
	Front
	name string
	lis  net.Listener
}

// ports are the addresses of fronts, beside the one of the engine.
type ports []port

// openFronts opens the fronts and listens on their addresses.
func (s *Server) openFronts(ctx context.Context) (opened ports, err error) {
	defer func() {
		if err != nil {
			opened.stop()
			opened.close()
		}
	}()
	for _, f := range s.pipeline.fronts {
		front, err := f.open(s.Host())
		if err != nil {
			return opened, err
		}
		lis, err := network.Listen(ctx, f.addr)
		if err != nil {
			front.Stop()
			return opened, fmt.Errorf("cannot serve %s: %w", f.name, err)
		}
		opened = append(opened, port{front, f.name, lis})
	}
	return opened, nil
}

// serve serves every front until it is stopped, and passes the error of one that cannot.
func (p ports) serve(failed func(error)) {
	for _, front := range p {
		go func() {
			if err := front.Serve(front.lis); err != nil {
				failed(fmt.Errorf("cannot accept connections for %s: %w", front.name, err))
			}
		}()
	}
}

// gracefulStop stops all fronts at the same time.
func (p ports) gracefulStop() {
	var stopped []<-chan struct{}
	for _, front := range p {
		stopped = append(stopped, inBackground(front.GracefulStop))
	}
	for _, done := range stopped {
		<-done
	}
}

// stop closes the connections of all fronts.
func (p ports) stop() {
	for _, front := range p {
		front.Stop()
	}
}

// close closes the addresses of fronts that do not serve yet.
func (p ports) close() {
	for _, front := range p {
		_ = front.lis.Close()
	}
}
