package grpcprom

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/server"
)

var _ server.Companion = (*Metrics)(nil)

// Start adds the sources of s, those of [server.Server.Sources], when s starts to serve. It
// implements [server.Companion]: pass m to server.WithCompanions.
func (m *Metrics) Start(_ context.Context, s *server.Server) (stop func(context.Context) error, err error) {
	if m.err != nil {
		return nil, m.err
	}
	m.Add(s.Sources()...)
	return nil, nil
}
