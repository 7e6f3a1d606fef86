package server

import (
	"reflect"
	"slices"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// AddSources adds what [Server.Sources] returns: parts of the service that the server does not know
// otherwise, such as its rooms. A source that was added before is ignored.
func (s *Server) AddSources(sources ...metric.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, source := range sources {
		if isNil(source) {
			continue
		}
		s.sources = appendSource(s.sources, source)
	}
}

// Sources returns what reports metrics of the service: s, the parts that options have given it,
// such as an idempotency guard, a rate limiter or a companion, and those of [Server.AddSources].
// Pass them to an exporter when all services are registered; a [Companion] may do so in its Start.
func (s *Server) Sources() metric.Sources {
	c := s.pipeline.settings
	parts := []any{c.authorizer, c.limiter, c.validator, c.idempotency}
	if several, ok := c.authenticator.(inOrder); ok {
		for _, authenticator := range several {
			parts = append(parts, authenticator)
		}
	}
	for _, companion := range c.companions {
		parts = append(parts, companion)
	}
	sources := metric.Sources{s}
	for _, part := range parts {
		if source, ok := part.(metric.Source); ok {
			sources = appendSource(sources, source)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, source := range s.sources {
		sources = appendSource(sources, source)
	}
	return sources
}

// appendSource appends a source unless it is there already: its figures would be added up twice.
func appendSource(sources metric.Sources, source metric.Source) metric.Sources {
	if reflect.ValueOf(source).Comparable() && slices.ContainsFunc(sources, func(s metric.Source) bool {
		return reflect.ValueOf(s).Comparable() && s == source
	}) {
		return sources
	}
	return append(sources, source)
}
