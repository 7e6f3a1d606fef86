package server

import (
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// bind binds the RPC that info describes, which server implements.
func (p *pipeline) bind(info runtime.MethodInfo, server any) *method {
	if p.hasLivePolicies() {
		p.policing.Lock()
		defer p.policing.Unlock()
	}
	table := info.Policy
	info.Policy = p.overrides.Apply(info)
	m := &method{
		pipeline:  p,
		info:      info,
		table:     table,
		slots:     p.slotsOf(info),
		log:       newAccessLog(p.accessLogger(), info),
		observing: p.bindObservers(info),
		unaryInfo: grpc.UnaryServerInfo{Server: server, FullMethod: info.FullMethod},
		streamInfo: grpc.StreamServerInfo{
			FullMethod:     info.FullMethod,
			IsClientStream: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
			IsServerStream: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		},
	}
	if p.authorizer != nil {
		m.ask = p.authorizer.Bind(info)
	}
	m.policy.Store(m.effectiveAtFirst())
	m.bound = m.bindSequence()
	m.bindChecks()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.methods = append(p.methods, m)
	if p.byName == nil {
		p.byName = make(map[string]*method)
	}
	p.byName[info.FullMethod] = m
	return m
}

// unknownMethod returns the method that calls of all unknown methods run through. It requires an
// authenticated caller if there is an authenticator, so that others cannot find out which methods
// exist.
func (p *pipeline) unknownMethod() *method {
	p.unknownOnce.Do(func() {
		var policy runtime.Policy
		if p.authenticator != nil {
			policy.Auth = new(runtime.Auth)
		}
		p.unknown = p.bind(runtime.NewMethodInfo("unknown", "unknown", runtime.KindBidi, policy), nil)
	})
	return p.unknown
}
