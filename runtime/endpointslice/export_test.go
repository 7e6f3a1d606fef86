package endpointslice

import "time"

// WithTimes shortens the times of a resolver: of a silent watch, and of a list or of the header of
// a watch.
func WithTimes(silence, response time.Duration) Option {
	return func(s *settings) {
		s.limits.silence, s.limits.list, s.limits.header = silence, response, response
	}
}

// WithPings shortens the time until a silent connection is pinged, and for the response.
func WithPings(every time.Duration) Option {
	return func(s *settings) { s.limits.ping, s.limits.pong = every, every }
}

// WithSizes lowers the sizes of a page and of an event.
func WithSizes(bytes int) Option {
	return func(s *settings) { s.limits.pageBytes, s.limits.eventBytes = bytes, bytes }
}

// MaxEndpoints is the limit of a service.
const MaxEndpoints = maxEndpoints
