package server

import (
	"net"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// Status is the state of a server at one time, for people and pages that watch it. It shares
// nothing with the server.
type Status struct {
	// State is the phase of the server's life.
	State State
	// Started is when the server began to serve; zero before.
	Started time.Time
	// Addrs are the addresses at which the server accepts connections; nil for [On].
	Addrs []string
	// Calls is how many calls the server holds, and MaxCalls the limit of [WithMaxCalls]; 0 is none.
	Calls, MaxCalls int
	// Connections is how many connections the server has, and MaxConnections the limit of
	// [WithMaxConnections]; 0 is none. For [On] both are 0, because its target has the connections.
	Connections, MaxConnections int
	// Services are the registered services in the order of their registration.
	Services []ServiceStatus
	// Background names the running functions of [Server.Background].
	Background []string
	// TLS is the state of the certificate; zero for [On].
	TLS TLSStatus
	// PolicyFile is the path of [WithPolicyFile], or "".
	PolicyFile string
	// PolicyFileError is why the latest content of the policy file is not in effect, or "".
	PolicyFileError string
}

// State is a phase of a server's life.
type State int

// The phases of a server's life, in their order.
const (
	// StateStarting is before the server accepts connections.
	StateStarting State = iota
	// StateServing is while the server serves.
	StateServing
	// StateDraining is from the start of a shutdown; in the drain delay, calls are still accepted.
	StateDraining
	// StateStopped is after the last call.
	StateStopped
)

// String returns "starting", "serving", "draining" or "stopped".
func (s State) String() string {
	switch s {
	case StateServing:
		return "serving"
	case StateDraining:
		return "draining"
	case StateStopped:
		return "stopped"
	default:
		return "starting"
	}
}

// TLSStatus is the state of the certificate of [WithTLSFiles]. It is zero without that option.
type TLSStatus struct {
	// CertFile is the path of the certificate.
	CertFile string
	// Expires is when the certificate in use expires.
	Expires time.Time
	// Error is why the files on disk are not in use, or "".
	Error string
}

// ServiceStatus is the state of a service.
type ServiceStatus struct {
	// Name is the full name of the service.
	Name string
	// Health is what the health service reports: "SERVING", "NOT_SERVING" or "SERVICE_UNKNOWN".
	Health string
	// Methods are the methods of the service, in the order of their registration.
	Methods []MethodStatus
}

// MethodStatus is the state of a method.
type MethodStatus struct {
	// Info describes the method, with the policy in effect.
	Info runtime.MethodInfo
	// Rules are the options of the policy in effect, in the order of docs/policy.md.
	Rules []Rule
	// Running is how many calls are running. With a limit, only those that count for it.
	Running int
	// Limit is how many calls may run at a time now; 0 is no limit.
	Limit int
	// Waiting is how many calls wait for a running one to finish, and Places how many may.
	Waiting, Places int
	// Adaptive means that Limit follows the duration of calls.
	Adaptive bool
	// Refusing is why the next call would be rejected, whoever makes it, or "".
	Refusing string
}

// Rule is an option of a policy.
type Rule struct {
	// Option is its path, as in docs/policy.md: "timeout.max". One that is replaced as a whole, such
	// as "auth" or "rate", is one rule.
	Option string
	// Value is its value as in a proto, without quotes: "2s"; or "" if Origin removes the value that
	// the option has in the table.
	Value string
	// Origin is what sets the value.
	Origin Origin
}

// Origin is what sets an option of a policy.
type Origin int

// The origins of options. If several set the same value, it is the one that is closest to the
// method in the proto.
const (
	// OriginDefault is a default: of the option, of the server, or of this package's own services.
	OriginDefault Origin = iota
	// OriginService is an option of the service in its proto.
	OriginService
	// OriginMethod is an option of the method in its proto.
	OriginMethod
	// OriginTable is the generated table: the plugin's policy file sets the value, or the program does
	// not link the proto.
	OriginTable
	// OriginServer is an option of the server: [WithPolicy], or [WithDefaultTimeout] for a default.
	OriginServer
	// OriginFile is the file of [WithPolicyFile].
	OriginFile
)

// String returns the origin in a few words.
func (o Origin) String() string {
	switch o {
	case OriginService:
		return "service option"
	case OriginMethod:
		return "method option"
	case OriginTable:
		return "generated code"
	case OriginServer:
		return "server option"
	case OriginFile:
		return "policy file"
	default:
		return "default"
	}
}

// Status returns the state of the server. It may be called at any time, and costs little enough for
// once a second.
func (s *Server) Status() Status {
	s.mu.Lock()
	status := Status{State: s.stateLocked(), Started: s.since, Addrs: slices.Clone(s.addrs)}
	names := s.serviceNames()
	s.mu.Unlock()
	status.Background = s.background.names()
	status.Connections = int(s.pipeline.capacity.Use().Connections)
	status.MaxConnections = s.pipeline.limits.Connections
	status.TLS = s.pipeline.tls.status()
	s.pipeline.describeState(&status, names, s.health)
	return status
}

// Status returns the state of what is registered through r. Its server does not know addresses and
// background functions.
func (r *Registrar) Status() Status {
	status := Status{State: StateServing, Started: r.since}
	if r.pipeline.drain.hasStarted() {
		status.State = StateDraining
	}
	r.pipeline.describeState(&status, r.pipeline.serviceNames(), r.health)
	return status
}

// stateLocked returns the phase of the server; s is locked.
func (s *Server) stateLocked() State {
	switch {
	case isClosed(s.stop.Finished), s.started && s.engine == nil: // shut down before Serve
		return StateStopped
	case isClosed(s.stop.Requested) && s.started:
		return StateDraining
	case s.since.IsZero():
		return StateStarting
	default:
		return StateServing
	}
}

// setServing records that the server serves at an address.
func (s *Server) setServing(addr net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.addrs = time.Now(), []string{addr.String()}
	for _, front := range s.fronts {
		s.addrs = append(s.addrs, front.lis.Addr().String())
	}
}

// describeState completes the status of a server with what its pipeline knows.
func (p *pipeline) describeState(s *Status, services []string, health *Health) {
	s.Calls, s.MaxCalls = held(p.capacity.Use()), p.limits.Calls
	if f := p.policyFile; f != nil {
		s.PolicyFile, s.PolicyFileError = f.path, reasonOf(f.latest())
	}
	byService := make(map[string][]MethodStatus, len(services))
	for _, m := range p.served() {
		byService[m.info.Service] = append(byService[m.info.Service], m.status())
	}
	for _, name := range services {
		s.Services = append(s.Services,
			ServiceStatus{Name: name, Health: health.of(name), Methods: byService[name]})
	}
}

// serviceNames returns the services of the methods that are bound, in the order of registration.
func (p *pipeline) serviceNames() (names []string) {
	for _, m := range p.served() {
		if name := m.info.Service; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// figures returns the state of the method without what takes time to find out.
func (m *method) figures() MethodStatus {
	e := m.policy.Load()
	s := MethodStatus{Info: e.info, Running: int(m.inFlight.Load()), Adaptive: e.adaptive}
	if m.slots != nil && e.info.Policy.Concurrency.Limit > 0 {
		s.Running, s.Limit = m.slots.InFlight(), m.slots.Limit()
		s.Waiting, s.Places = m.slots.Waiting(), m.slots.MaxWaiting()
	}
	return s
}

// served returns the methods that calls reach under their own names.
func (p *pipeline) served() []*method {
	p.mu.Lock()
	defer p.mu.Unlock()
	methods := make([]*method, 0, len(p.methods))
	for _, m := range p.methods {
		if m.info.FullMethod != UnknownMethod && p.byName[m.info.FullMethod] == m {
			methods = append(methods, m)
		}
	}
	return methods
}

// status returns the state of the certificate files.
func (t *tlsSettings) status() (s TLSStatus) {
	if t.files == nil {
		return s
	}
	expires, err := t.files.Latest()
	return TLSStatus{CertFile: t.options.CertFile, Expires: expires, Error: reasonOf(err)}
}

// reasonOf returns the text of an error, or "".
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// held returns how many calls a server holds.
func held(use bounds.Use) int { return int(max(use.Handlers, use.Streams)) }
