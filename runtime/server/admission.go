package server

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// admissionGate returns the gate that rejects calls while the server shuts down, or has too many.
func (m *method) admissionGate() gate {
	essential := m.essential()
	return func(ctx context.Context, c *callContext) error {
		if m.drain.expired.Load() {
			return runtime.ErrDraining
		}
		c.direct = c.arrival.IsFrom(peerAddr(c.Context))
		var verdict bounds.Verdict
		c.load, verdict = m.capacity.Begin(c.arrival, c.Peer(), essential)
		switch verdict {
		case bounds.Accepted:
			return nil
		case bounds.PeerFull:
			return m.capacity.peerFull.After(c, overloadWait)
		default:
			return m.capacity.serverFull.After(c, overloadWait)
		}
	}
}

func (m *method) essential() bool { return m.info.FullMethod == healthCheck }
