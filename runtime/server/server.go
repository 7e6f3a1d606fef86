package server

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/stop"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Server serves services over gRPC. Every call runs through the pipeline, each service has a
// health status, and a shutdown always finishes. A Server serves once.
type Server struct {
	pipeline   *pipeline
	health     *Health
	stop       *stop.Stopper
	background background

	mu       sync.Mutex
	starting bool // while the engine and the fronts are opened
	started  bool // afterwards, or when Shutdown was called before
	services []registration
	errs     []error
	engine   Engine         // from Serve on
	since    time.Time      // when it began to serve
	addrs    []string       // that it serves
	probes   *probes        // from Serve on; nil without WithHealthAddr
	sources  metric.Sources // of AddSources

	fronts ports                     // from Serve on
	index  atomic.Pointer[pathIndex] // nil after a registration; see Conn
}

// registration is a service to register when Serve is called.
type registration struct {
	desc    *grpc.ServiceDesc // its handlers are bound to the pipeline
	impl    any
	foreign *grpc.ServiceDesc // the desc of a third-party service without the pipeline
}

// New returns a server without services. Run and Serve return errors of its options.
func New(opts ...Option) *Server {
	config := newSettings(opts)
	s := &Server{pipeline: newPipeline(config), health: newHealth(), errs: config.errs, stop: stop.New()}
	own := s.health.onServer()
	s.add(describe[healthService](s.pipeline, healthTable, own), own)
	config.registerServices(s)
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

// serviceInfo describes a service as grpc does.
func serviceInfo(desc *grpc.ServiceDesc) grpc.ServiceInfo {
	methods := make([]grpc.MethodInfo, 0, len(desc.Methods)+len(desc.Streams))
	for _, m := range desc.Methods {
		methods = append(methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for _, m := range desc.Streams {
		methods = append(methods, grpc.MethodInfo{
			Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams,
		})
	}
	return grpc.ServiceInfo{Methods: methods, Metadata: desc.Metadata}
}

// serviceNames returns the names of the registered services, in the order of registration.
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
	s.keep(registration{desc: desc, impl: impl})
}

func (s *Server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// registerForeign keeps a third-party service until Serve; s is locked.
func (s *Server) registerForeign(desc *grpc.ServiceDesc, impl any) {
	if err := checkImplementation(desc, impl); err != nil {
		s.errs = append(s.errs, err)
		return
	}
	piped, errs := s.pipeline.foreignDesc(desc, impl)
	s.errs = append(s.errs, errs...)
	s.keep(registration{piped, impl, desc})
}

// keep keeps a service until Serve, or the error of one that cannot be registered; s is locked.
func (s *Server) keep(r registration) {
	s.index.Store(nil)
	name := r.desc.ServiceName
	if s.started || s.starting {
		err := fmt.Errorf("%s: registered after Serve; register every service before", name)
		s.pipeline.logger.Error("service not registered", "error", err)
		s.errs = append(s.errs, err)
		return
	}
	for i, other := range s.services {
		if other.impl == s.health.onServer() {
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

// background holds the functions of [Server.Background].
type background struct {
	waiting []backgroundFunc // for Serve; the server's lock guards it

	mu      sync.Mutex
	running []string
}

type backgroundFunc struct {
	name string
	run  func(ctx context.Context) error
}

// probes serve health checks on a separate address.
type probes struct {
	pipeline *pipeline
	server   *grpc.Server
	lis      net.Listener
}
