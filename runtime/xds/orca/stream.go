package orca

import (
	"context"
	"log/slog"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcaservice "github.com/cncf/xds/go/xds/service/orca/v3"

	"github.com/grpcservice/grpcservice/runtime"
)

// serviceName is the full name of the service that streams load reports.
const serviceName = "xds.service.orca.v3.OpenRcaService"

// service is xds.service.orca.v3.OpenRcaService as the interface of a [runtime.Service]. That of
// grpc's orca package reports every 30 seconds at most, and does not end when a server drains.
type service interface {
	stream(context.Context, *orcaservice.OrcaLoadReportRequest) runtime.Stream[orcapb.OrcaLoadReport]
}

var table = runtime.NewService(serviceName, orcaservice.File_xds_service_orca_v3_orca_proto,
	runtime.ServerStream("StreamCoreMetrics", service.stream, runtime.Policy{
		Idempotency: runtime.NoSideEffects,
		Auth:        &runtime.Auth{Public: true},
		Log:         runtime.Log{Level: slog.LevelDebug},
	}))

// stream sends a report in each interval that the client asks for, of at least one period.
func (r *reporter) stream(
	ctx context.Context, req *orcaservice.OrcaLoadReportRequest,
) runtime.Stream[orcapb.OrcaLoadReport] {
	interval := max(req.GetReportInterval().AsDuration(), r.period)
	return func(yield func(*orcapb.OrcaLoadReport, error) bool) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			if current := r.ofStream(time.Now()); current != nil && !yield(current.report, nil) {
				return
			}
			select {
			case <-ticker.C:
			case <-runtime.Draining(ctx):
				yield(nil, runtime.ErrDraining)
				return
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}
