package server

import (
	"context"
	"log/slog"
	"maps"
	"sync"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/tlsfiles"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// healthServiceName is the full name of the standard health service.
const healthServiceName = "grpc.health.v1.Health"

// HealthTLS is the name under which the health service reports the certificate files of
// [WithTLSFiles] and [WithClientCAs], as a service. It is SERVING if the files are in use and the
// certificate is valid, and NOT_SERVING if files on disk cannot be used or the certificate has
// expired. Watch it to learn that a renewal failed before the certificate expires.
//
// An expired certificate changes no other status on the server's own address: clients that are
// connected are not affected. On the address of [WithHealthAddr] every service changes to
// NOT_SERVING, because no client can connect.
const HealthTLS = "tls"

// Health is the standard health service (grpc.health.v1) of a server. It knows each registered
// service by its full name, and the server as a whole by "". All report SERVING from the start.
// For its own name it reports SERVING as long as the process responds: use that for liveness
// probes.
//
// When the server shuts down, every service changes to NOT_SERVING permanently, and Watch streams
// end.
type Health struct {
	mu       sync.Mutex
	statuses map[string]healthpb.HealthCheckResponse_ServingStatus
	changed  chan struct{} // closed and replaced at each change
	closed   bool
	// expired and detached are the reasons for which no client can connect: the certificate, or the
	// engine.
	expired, detached bool
}

func newHealth() *Health {
	return &Health{
		statuses: map[string]healthpb.HealthCheckResponse_ServingStatus{"": healthpb.HealthCheckResponse_SERVING},
		changed:  make(chan struct{}),
	}
}

// onServer returns the implementation of the health service for the server's own address.
func (h *Health) onServer() healthServer { return healthServer{Health: h} }

// SetServing sets whether a service is available; service is its full name, or "" for the server
// as a whole. After the shutdown has started it does nothing.
func (h *Health) SetServing(service string, serving bool) {
	h.update(func() { h.statuses[service] = servingStatus(serving) })
}

// setTLS sets the state of the certificate files.
func (h *Health) setTLS(state tlsfiles.State) {
	status := servingStatus(state.Err == nil && !state.Expired)
	h.mu.Lock()
	same := h.statuses[HealthTLS] == status && h.expired == state.Expired
	h.mu.Unlock()
	if !same {
		h.update(func() { h.statuses[HealthTLS], h.expired = status, state.Expired })
	}
}

// setReachable sets whether the engine accepts connections.
func (h *Health) setReachable(reachable bool) {
	h.update(func() { h.detached = !reachable })
}

// shutDown changes every service to NOT_SERVING and ends the Watch streams.
func (h *Health) shutDown() {
	h.update(func() {
		for service := range h.statuses {
			h.statuses[service] = healthpb.HealthCheckResponse_NOT_SERVING
		}
		h.closed = true
	})
}

// update calls change and wakes the watchers.
func (h *Health) update(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	change()
	close(h.changed)
	h.changed = make(chan struct{})
}

// healthServer serves a [Health] on one address.
type healthServer struct {
	*Health
	// probes is for the address of [WithHealthAddr], where services that no client can reach are
	// NOT_SERVING.
	probes bool
}

// status returns the status of a service, and a channel that is closed at the next change.
func (h healthServer) status(service string) (
	status healthpb.HealthCheckResponse_ServingStatus, known, closed bool, changed <-chan struct{},
) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if service == healthServiceName {
		return healthpb.HealthCheckResponse_SERVING, true, h.closed, h.changed
	}
	status, known = h.statuses[service]
	if known && h.hidden() {
		status = healthpb.HealthCheckResponse_NOT_SERVING
	}
	return status, known, h.closed, h.changed
}

// of returns what the service reports for a service, by name.
func (h *Health) of(service string) string {
	status, known, _, _ := h.onServer().status(service)
	if !known {
		status = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	}
	return status.String()
}

// all returns what the service reports for every name.
func (h *Health) all() map[string]healthpb.HealthCheckResponse_ServingStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.statuses)
}

// hidden reports whether every service is NOT_SERVING. The caller holds the lock.
func (h healthServer) hidden() bool { return h.probes && (h.expired || h.detached) }

func servingStatus(serving bool) healthpb.HealthCheckResponse_ServingStatus {
	if serving {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

// healthService is grpc.health.v1.Health as the interface of a [runtime.Service].
type healthService interface {
	check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error)
	list(context.Context, *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error)
	watch(context.Context, *healthpb.HealthCheckRequest) runtime.Stream[healthpb.HealthCheckResponse]
}

// healthPolicy makes the service public, and logs probes at debug only.
var healthPolicy = runtime.Policy{
	Idempotency: runtime.NoSideEffects,
	Auth:        &runtime.Auth{Public: true},
	Log:         runtime.Log{Level: slog.LevelDebug},
}

var healthTable = runtime.NewService(healthServiceName, healthpb.File_grpc_health_v1_health_proto,
	runtime.Unary("Check", healthService.check, healthPolicy),
	runtime.Unary("List", healthService.list, healthPolicy),
	runtime.ServerStream("Watch", healthService.watch, healthPolicy),
)

// check returns the status of one service, or NOT_FOUND.
func (h healthServer) check(_ context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	status, known, _, _ := h.status(req.GetService())
	if !known {
		return nil, rpcerr.ReasonUnknownService.Errorf(codes.NotFound, "unknown service").Fixed()
	}
	return &healthpb.HealthCheckResponse{Status: status}, nil
}

// list returns the statuses of all services.
func (h healthServer) list(context.Context, *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	h.mu.Lock()
	statuses, hidden := maps.Clone(h.statuses), h.hidden()
	h.mu.Unlock()
	resp := &healthpb.HealthListResponse{Statuses: make(map[string]*healthpb.HealthCheckResponse, len(statuses))}
	for service, status := range statuses {
		if hidden {
			status = healthpb.HealthCheckResponse_NOT_SERVING
		}
		resp.Statuses[service] = &healthpb.HealthCheckResponse{Status: status}
	}
	return resp, nil
}

// watch sends the status of one service now and at each change, until the server shuts down.
func (h healthServer) watch(
	ctx context.Context, req *healthpb.HealthCheckRequest,
) runtime.Stream[healthpb.HealthCheckResponse] {
	return func(yield func(*healthpb.HealthCheckResponse, error) bool) {
		last := healthpb.HealthCheckResponse_ServingStatus(-1)
		for {
			status, known, closed, changed := h.status(req.GetService())
			if !known {
				status = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
			}
			if status != last && !yield(&healthpb.HealthCheckResponse{Status: status}, nil) {
				return
			}
			last = status
			if closed {
				yield(nil, runtime.ErrDraining)
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}
