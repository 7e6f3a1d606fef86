package server

import (
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
)

// bind binds the RPC that info describes, which server implements.
func (p *pipeline) bind(info runtime.MethodInfo, server any) *method {
	info.Policy = p.overrides.Apply(info)
	m := &method{
		pipeline:  p,
		info:      info,
		adaptive:  adaptive(info),
		log:       newAccessLog(p.accessLogger(), info),
		observing: bindObservers(p.observers, info),
		deadlines: deadlinesOf(info.Policy, p.timeout),
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
	m.bound = m.bindSequence()
	m.bindChecks()
	m.apart = m.deadlines.idle > 0 || m.deadlines.total > 0 ||
		m.streamInfo.IsClientStream && !p.without.recovery
	m.blocks = p.authenticator != nil || p.limiter != RateLimiter(localLimiter{}) ||
		info.Policy.Concurrency.MaxWait > 0
	p.mu.Lock()
	defer p.mu.Unlock()
	p.methods = append(p.methods, m)
	if p.byName == nil {
		p.byName = make(map[string]*method)
	}
	p.byName[info.FullMethod] = m
	return m
}
