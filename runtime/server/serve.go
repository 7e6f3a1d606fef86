package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
)

// Run listens on a TCP address, such as ":8080", or on a Unix socket, spelled as for clients
// ("unix:///run/books.sock", "unix:books.sock", on Linux "unix-abstract:books"). It serves until
// ctx is canceled, SIGTERM or SIGINT arrives, or Shutdown is called; then it shuts down as
// [Server.Shutdown] describes. SIGINT skips the drain delay. A second signal stops the server at
// once.
//
// The file of a socket has the permissions that the umask allows, and is removed at the end. A
// socket that a killed process left behind is replaced. Callers of a Unix socket count as one
// peer.
//
// Run returns nil after a shutdown in which every call finished. Otherwise the error states what
// went wrong: options, services that could not be registered, the address, or the calls that were
// cut off.
func (s *Server) Run(ctx context.Context, addr string) error {
	if err := s.misuse(); err != nil {
		return err
	}
	lis, err := network.Listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	defer s.stop.OnSignals(s.pipeline.drainDelay)()
	return s.Serve(ctx, lis)
}

// Serve is [Server.Run] on a listener, which it closes, without handling signals.
func (s *Server) Serve(ctx context.Context, lis net.Listener) error {
	server, err := s.start(ctx)
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	stopCompanions, err := s.startCompanions(ctx)
	if err != nil {
		server.Stop() // it has goroutines
		s.fronts.stop()
		s.fronts.close()
		return s.stop.Finish(errors.Join(err, lis.Close(), s.probes.discard()))
	}
	s.setServing(lis.Addr())
	s.logServing(ctx, lis)
	s.pipeline.warnOfTokens()
	s.pipeline.warnOfRejected(s.serviceNames()...)
	s.warnOfNothing()
	s.watchTLS()
	s.startBackground(ctx)
	defer s.pipeline.policyFile.watch()()
	s.probes.serve(s.failAndStop)
	s.fronts.serve(s.failAndStop)
	err = s.serveUntilStopped(ctx, server, lis)
	s.probes.stop()
	err = errors.Join(err, stopCompanions())
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop.Finish(errors.Join(append(s.errs, err)...)) // s.errs: late registrations, background functions
}

// serveUntilStopped serves until a shutdown is requested, and shuts down.
func (s *Server) serveUntilStopped(ctx context.Context, server Engine, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener(lis)) }()
	select {
	case err := <-failed:
		s.stop.Request(0)
		return errors.Join(fmt.Errorf("cannot accept connections: %w", err), s.stopNow(server))
	case <-ctx.Done():
		s.stop.Request(s.pipeline.drainDelay)
	case <-s.stop.Requested:
	}
	return s.shutDown(server)
}

// logServing logs that the server accepts calls.
func (s *Server) logServing(ctx context.Context, lis net.Listener) {
	attrs := []slog.Attr{slog.String("address", lis.Addr().String()), slog.Any("services", s.serviceNames())}
	if s.probes != nil {
		attrs = append(attrs, slog.String("health_address", s.probes.lis.Addr().String()))
	}
	for _, front := range s.fronts {
		attrs = append(attrs, slog.String(front.name+"_address", front.lis.Addr().String()))
	}
	s.pipeline.logger.LogAttrs(ctx, slog.LevelInfo, "serving", attrs...)
}

// start creates the engine and the fronts, registers the services on the engine, and listens for
// probes.
func (s *Server) start(ctx context.Context) (engine Engine, err error) {
	probes, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	var fronts ports
	err = errNotOpened
	defer func() { err = s.opened(probes, engine, fronts, err) }()
	engine, fronts, err = s.open(ctx)
	return engine, err
}

// errNotOpened is the error of a start during which a function of an option panics.
var errNotOpened = errors.New("a function of WithFront or WithEngine did not return")

// opened makes the server one that has started, or, with an error, one that has not.
func (s *Server) opened(probes *probes, engine Engine, fronts ports, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting = false
	if err == nil {
		s.probes, s.engine, s.fronts, s.started = probes, engine, fronts, true
		for _, r := range s.services {
			engine.RegisterService(r.desc, r.impl)
		}
		return nil
	}
	err = errors.Join(err, probes.discard())
	if isClosed(s.stop.Requested) { // a Shutdown may wait for the end
		s.started = true
		return s.stop.Finish(err)
	}
	return err
}

// prepare makes the server one that starts, unless its options or services are invalid. It listens
// for probes.
func (s *Server) prepare(ctx context.Context) (*probes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.misuseLocked(); err != nil {
		return nil, err
	}
	if s.pipeline.reflection {
		reflection.Register(reflected{s})
	}
	s.pipeline.unknownMethod() // may have a policy
	s.errs = append(s.errs, s.pipeline.overrides.Misuse()...)
	s.errs = append(s.errs, s.pipeline.unbound()...)
	for _, missing := range []func() error{s.pipeline.missingAuthenticator, s.pipeline.missingAuthorizer} {
		if err := missing(); err != nil {
			s.errs = append(s.errs, err)
		}
	}
	if err := errors.Join(s.errs...); err != nil {
		return nil, err
	}
	probes, err := s.openProbes(ctx)
	s.starting = err == nil
	return probes, err
}

// open opens the engine and the fronts. The server is not locked, because the functions of
// [WithFront] and [WithEngine] may use it.
func (s *Server) open(ctx context.Context) (Engine, ports, error) {
	engine, err := s.openEngine()
	if err != nil {
		return nil, nil, err
	}
	complete := false
	defer func() {
		if !complete {
			engine.Stop() // it has goroutines
		}
	}()
	fronts, err := s.openFronts(ctx)
	complete = err == nil
	return engine, fronts, err
}

// reflected is the registrar of the reflection service, which is registered while the server is
// locked.
type reflected struct{ *Server }

func (r reflected) RegisterService(desc *grpc.ServiceDesc, impl any) { r.registerForeign(desc, impl) }

// misuse returns the errors of the options and registrations.
func (s *Server) misuse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.misuseLocked()
}

func (s *Server) misuseLocked() error {
	if s.started || s.starting {
		return errors.New("the server has served already, or was shut down; create a new one")
	}
	return errors.Join(s.errs...)
}
