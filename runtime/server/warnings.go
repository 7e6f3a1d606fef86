package server

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// warnOfRejected logs the methods of services that reject every call: the server has an
// authenticator, and their policies authorize no caller.
func (p *pipeline) warnOfRejected(services ...string) {
	if p.authenticator == nil || p.admitAll {
		return
	}
	var names []string
	for _, service := range services {
		names = append(names, p.withoutAuth(service)...)
	}
	if len(names) > 0 {
		p.logger.Warn("methods without an auth policy reject every call; "+
			"set auth in their protos, or with WithPolicy", slog.String("methods", listOf(names)))
	}
}

// withoutAuth returns the methods of a service without an auth policy; if all are,
// "library.v1.BookService/*".
func (p *pipeline) withoutAuth(service string) (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := true
	for _, m := range p.methods {
		switch {
		case m.info.Service != service:
		case m.info.Policy.Auth != nil:
			all = false
		default:
			names = append(names, m.log.name)
		}
	}
	if all && len(names) > 0 {
		return []string{service + "/*"}
	}
	slices.Sort(names)
	return names
}

// maxListed is how many names a record lists at most.
const maxListed = 20

func listOf(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return strings.Join(names[:maxListed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// warnOfNothing logs that a server has no services but those of this package.
func (s *Server) warnOfNothing() {
	names := s.serviceNames()
	if !slices.ContainsFunc(names, func(name string) bool { return !isBuiltin(name) }) {
		s.pipeline.logger.Warn("no service is registered; register one before Run or Serve",
			slog.String("services", listOf(names)))
	}
}

// isBuiltin reports whether this package itself serves a service.
func isBuiltin(service string) bool {
	return service == healthServiceName || strings.HasPrefix(service, "grpc.reflection.")
}

// paged returns the methods that return page tokens.
func (p *pipeline) paged() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		if m.info.Policy.Page.MaxSize > 0 {
			names = append(names, m.log.name)
		}
	}
	slices.Sort(names)
	return names
}

// warnOfTokens logs once which methods return page tokens that other replicas cannot open.
func (p *pipeline) warnOfTokens() {
	paged := p.paged()
	if p.tokens != nil || len(paged) == 0 {
		return
	}
	p.tokenWarning.Do(func() {
		p.logger.Warn("page tokens are sealed with a random key: they are lost with this process, "+
			"and other replicas reject them; give all replicas the same keys with server.WithTokenKeys",
			slog.String("methods", strings.Join(paged, ", ")))
	})
}
