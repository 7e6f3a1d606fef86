package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/grpcservice/grpcservice/runtime/internal/network"
	"github.com/grpcservice/grpcservice/runtime/internal/stop"
)

// Server serves services over gRPC. Every call runs through the pipeline, each service has a
// health status, and a shutdown always finishes. A Server serves once.
type Server struct {
	pipeline   *pipeline
	health     *Health
	stop       *stop.Stopper
	background background

	mu       sync.Mutex
	opened   bool
	services []registration
	errs     []error
	grpc     *grpc.Server // from Serve on
}

// registration is a service that waits for Serve.
type registration struct {
	desc *grpc.ServiceDesc // its handlers are bound to the pipeline
	impl any
}

// New returns a server without services. Run and Serve return errors of its options.
func New(opts ...Option) *Server {
	config := newSettings(opts)
	s := &Server{pipeline: newPipeline(config), health: newHealth(), errs: config.errs, stop: stop.New()}
	s.add(describe[healthService](s.pipeline, healthTable, s.health), s.health)
	return s
}

// Health returns the server's health service. A health service that you register yourself replaces
// it.
func (s *Server) Health() *Health { return s.health }

// RegisterService implements [grpc.ServiceRegistrar] for third-party services. Their calls run
// through the same pipeline, with the policy of the options in their proto, if that is linked into
// the program.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registerForeign(desc, impl)
}

// GetServiceInfo returns the registered services, including the health service.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make(map[string]grpc.ServiceInfo, len(s.services))
	for _, r := range s.services {
		infos[r.desc.ServiceName] = serviceInfo(r.desc)
	}
	return infos
}

// serviceInfo returns what grpc tells of a service.
func serviceInfo(desc *grpc.ServiceDesc) grpc.ServiceInfo {
	methods := make([]grpc.MethodInfo, 0, len(desc.Methods)+len(desc.Streams))
	for _, m := range desc.Methods {
		methods = append(methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for _, m := range desc.Streams {
		methods = append(methods, grpc.MethodInfo{Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams})
	}
	return grpc.ServiceInfo{Methods: methods, Metadata: desc.Metadata}
}

// Run listens on a TCP address, such as ":8080", or on a Unix socket, spelled as for clients
// ("unix:///run/books.sock", "unix:books.sock", on Linux "unix-abstract:books"). It serves until
// ctx ends, SIGTERM or SIGINT arrives, or Shutdown is called; then it shuts down as
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
	server, err := s.open()
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	s.pipeline.logger.InfoContext(ctx, "serving", "address", lis.Addr().String(), "services", s.serviceNames())
	s.pipeline.warnOfTokens()
	s.pipeline.warnOfRejected(s.serviceNames()...)
	s.warnOfNothing()
	s.startBackground(ctx)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.pipeline.admission.Listener(lis)) }()
	select {
	case err := <-failed:
		return s.stop.Finish(errors.Join(fmt.Errorf("cannot accept connections: %w", err), s.stopNow(server)))
	case <-ctx.Done():
		s.stop.Request(s.pipeline.drainDelay)
	case <-s.stop.Requested:
	}
	err = s.shutDown(server)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop.Finish(errors.Join(append(s.errs, err)...)) // services that came too late
}

// open makes the grpc server, or says why there can be none.
func (s *Server) open() (*grpc.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.misuseLocked(); err != nil {
		return nil, err
	}
	if s.pipeline.reflection {
		reflection.Register(reflected{s})
	}
	s.errs = append(s.errs, s.pipeline.overrides.Misuse()...)
	if err := s.pipeline.unguarded(); err != nil {
		s.errs = append(s.errs, err)
	}
	if err := errors.Join(s.errs...); err != nil {
		return nil, err
	}
	server, err := newGRPCServer(grpcOptions(s.pipeline))
	if err != nil {
		return nil, err
	}
	s.grpc, s.opened = server, true
	for _, r := range s.services {
		s.grpc.RegisterService(r.desc, r.impl)
	}
	return s.grpc, nil
}

// newGRPCServer returns the error that grpc panics with where options contradict each other.
func newGRPCServer(opts []grpc.ServerOption) (server *grpc.Server, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("WithGRPCOptions: grpc does not accept the options: %v; the runtime itself sets grpc.InTapHandle, unless WithMaxCalls(0) and WithMaxCallsPerPeer(0) turn it off", value)
		}
	}()
	return grpc.NewServer(opts...), nil
}

// reflected is a server in the eyes of the reflection service, which is registered on it while it is locked.
type reflected struct{ *Server }

func (r reflected) RegisterService(desc *grpc.ServiceDesc, impl any) { r.registerForeign(desc, impl) }

// misuse returns what was done wrong before serving.
func (s *Server) misuse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.misuseLocked()
}

func (s *Server) misuseLocked() error {
	if s.opened {
		return errors.New("the server has served already, or was shut down; create a new one")
	}
	return errors.Join(s.errs...)
}

// serviceNames returns what is registered, in the order of registration.
func (s *Server) serviceNames() []string {
	names := make([]string, len(s.services))
	for i, r := range s.services {
		names[i] = r.desc.ServiceName
	}
	return names
}

func (s *Server) calls() *pipeline { return s.pipeline }

func (s *Server) add(desc *grpc.ServiceDesc, impl any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(registration{desc, impl})
}

func (s *Server) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// registerForeign holds a service that was generated by others; s is locked.
func (s *Server) registerForeign(desc *grpc.ServiceDesc, impl any) {
	if err := checkImplementation(desc, impl); err != nil {
		s.errs = append(s.errs, err)
		return
	}
	piped, errs := s.pipeline.foreignDesc(desc, impl)
	s.errs = append(s.errs, errs...)
	s.keep(registration{piped, impl})
}

// keep holds a service until Serve, or notes why it cannot; s is locked.
func (s *Server) keep(r registration) {
	name := r.desc.ServiceName
	if s.opened {
		err := fmt.Errorf("%s: registered after Serve; register every service before", name)
		s.pipeline.logger.Error("service not registered", "error", err)
		s.errs = append(s.errs, err)
		return
	}
	for i, other := range s.services {
		if other.impl == s.health {
			if name == healthServiceName {
				s.services[i] = r // of the user, instead of ours
				return
			}
			continue
		}
		if other.desc.ServiceName == name {
			s.errs = append(s.errs, fmt.Errorf("%s: registered twice; register one implementation", name))
			return
		}
	}
	s.services = append(s.services, r)
	if name != healthServiceName {
		s.health.SetServing(name, true)
	}
}

// checkImplementation finds what grpc would end the process for.
func checkImplementation(desc *grpc.ServiceDesc, impl any) error {
	if isNil(impl) {
		return fmt.Errorf("%s: the implementation is nil; pass a value", desc.ServiceName)
	}
	want := reflect.TypeOf(desc.HandlerType).Elem()
	if got := reflect.TypeOf(impl); !got.Implements(want) {
		return fmt.Errorf("%s: %v does not implement %v", desc.ServiceName, got, want)
	}
	return nil
}
