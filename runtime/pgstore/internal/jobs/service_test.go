package jobs_test

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/page"
	shopv1 "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1"
	shopv1service "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1/jobsv1service"
)

// Reports implements a service whose operations are its own jobs, as in docs/operations.md.
type Reports struct {
	shopv1service.UnimplementedReportService
	ops  *operation.Manager
	work func(ctx context.Context, run *operation.Run[shopv1.RunReportRequest, shopv1.Job]) (*shopv1.Job, error)
}

// NewReports returns the service, whose jobs ops runs.
func NewReports(ops *operation.Manager) *Reports {
	r := &Reports{ops: ops}
	r.work = r.write
	shopv1service.ReportServiceRunReport.Handle(ops, r.run)
	return r
}

func (r *Reports) run(ctx context.Context, run *operation.Run[shopv1.RunReportRequest, shopv1.Job]) (*shopv1.Job, error) {
	return r.work(ctx, run)
}

// RunReport starts a job.
func (r *Reports) RunReport(ctx context.Context, req *shopv1.RunReportRequest) (*shopv1.Job, error) {
	return shopv1service.ReportServiceRunReport.Start(ctx, r.ops, req)
}

func (r *Reports) write(ctx context.Context, run *operation.Run[shopv1.RunReportRequest, shopv1.Job]) (*shopv1.Job, error) {
	if err := run.Save(ctx, nil, func(job *shopv1.Job) { job.Percent = 50 }); err != nil {
		return nil, err
	}
	return &shopv1.Job{Percent: 100, ReportUri: "reports/" + run.Request().GetTitle()}, nil
}

func (r *Reports) GetJob(ctx context.Context, req *shopv1.GetJobRequest) (*shopv1.Job, error) {
	return shopv1service.ReportServiceGetJob.Serve(ctx, r.ops, req)
}

func (r *Reports) WaitJob(ctx context.Context, req *shopv1.WaitJobRequest) (*shopv1.Job, error) {
	return shopv1service.ReportServiceWaitJob.Serve(ctx, r.ops, req)
}

func (r *Reports) CancelJob(ctx context.Context, req *shopv1.CancelJobRequest) (*emptypb.Empty, error) {
	return shopv1service.ReportServiceCancelJob.Serve(ctx, r.ops, req)
}

func (r *Reports) DeleteJob(ctx context.Context, req *shopv1.DeleteJobRequest) (*emptypb.Empty, error) {
	return shopv1service.ReportServiceDeleteJob.Serve(ctx, r.ops, req)
}

func (r *Reports) ListJobs(ctx context.Context, req *shopv1.ListJobsRequest) (*shopv1.ListJobsResponse, error) {
	return shopv1service.ReportServiceListJobs.Serve(ctx, req, page.Cursor(func(ctx context.Context, after string, limit int) ([]*shopv1.Job, string, error) {
		return shopv1service.ReportServiceGetJob.List(ctx, r.ops, operation.Query{Method: shopv1service.ReportServiceRunReportMethod, After: after, Limit: limit})
	}))
}

// Orders implements a service with operations of google.longrunning, as in docs/operations.md.
type Orders struct {
	shopv1service.UnimplementedOrderService
	pool *pgxpool.Pool
	ops  *operation.Manager
}

type Server = Orders

func (s *Server) PlaceOrder(ctx context.Context, req *shopv1.PlaceOrderRequest) (op *longrunningpb.Operation, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders (id) VALUES ($1)", req.GetOrderId()); err != nil {
			return err
		}
		op, err = shopv1service.OrderServicePlaceOrder.Start(ctx, s.ops, req, operation.WithTx(tx))
		return err
	})
	return op, err
}

// fulfil does the work of an order: one row for each, however often it runs.
func (s *Orders) fulfil(ctx context.Context, run *operation.Run[shopv1.PlaceOrderRequest, shopv1.PlaceOrderMetadata]) (*shopv1.PlaceOrderResponse, error) {
	id := run.Request().GetOrderId()
	if id == "" {
		return nil, errors.New("an order without an ID")
	}
	if _, err := s.pool.Exec(ctx, "INSERT INTO parcels (id) VALUES ($1) ON CONFLICT DO NOTHING", id); err != nil {
		return nil, operation.TryAgain(err, 0)
	}
	return &shopv1.PlaceOrderResponse{Parcel: fmt.Sprint("parcels/", id)}, nil
}
