package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
	shopv1 "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1"
	shopv1service "github.com/grpcservice/grpcservice/runtime/pgstore/internal/gen/jobs/v1/jobsv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// patience is how long a test waits for what happens at once on an idle machine.
const patience = 2 * time.Minute

type (
	jobRun  = operation.Run[shopv1.RunReportRequest, shopv1.Job]
	jobWork = func(context.Context, *jobRun) (*shopv1.Job, error)
)

// openStore opens the tables of a pool, as docs/operations.md does.
func openStore(ctx context.Context, pool *pgxpool.Pool) (*pgstore.DB, *operation.Manager, error) {
	if err := pgstore.Migrate(ctx, pool); err != nil { // in the step that deploys a new version
		return nil, nil, err
	}
	db, err := pgstore.Open(ctx, pool) // a pgxpool.Pool
	if err != nil {
		return nil, nil, err
	}
	ops := operation.NewManager(db.Operations())
	return db, ops, nil
}

// shared is the server of all tests.
var shared struct {
	start  sync.Once
	server *pgtest.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	os.Exit(code)
}

// newPool connects to a new database.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	shared.start.Do(func() { shared.server, shared.err = pgtest.Run(context.Background()) })
	switch {
	case errors.Is(shared.err, pgtest.ErrNotInstalled) && os.Getenv("CI") != "true":
		t.Skip(shared.err)
	case shared.err != nil:
		t.Fatal(shared.err)
	}
	pool, err := pgxpool.New(context.Background(), shared.server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// forEachStore runs a test with a store in memory, and with one in PostgreSQL.
func forEachStore(t *testing.T, test func(t *testing.T, store operation.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, operation.Memory()) })
	t.Run("PostgreSQL", func(t *testing.T) {
		db, _, err := openStore(t.Context(), newPool(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		test(t, db.Operations())
	})
}

// process is a replica of the service, and a client of it.
type process struct {
	shopv1service.ReportService
	client operation.Client
	stop   func() error
}

// newProcess serves the service with a manager of its own, until stop or the end of the test.
func newProcess(t *testing.T, store operation.Store, work jobWork) process {
	t.Helper()
	ops := operation.NewManager(store, operation.WithLogger(slog.New(slog.DiscardHandler)), operation.WithPollInterval(50*time.Millisecond),
		operation.WithBackoff(time.Millisecond, time.Millisecond))
	conn, stop, err := servicetest.Start(func(r grpc.ServiceRegistrar) {
		reports := NewReports(ops)
		if work != nil {
			reports.work = work
		}
		shopv1service.RegisterReportService(r, reports)
		operation.Register(r, ops)
	})
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(stop)
	t.Cleanup(func() { _ = stop() })
	svc := shopv1service.NewReportServiceClient(conn)
	return process{ReportService: svc, stop: stop, client: shopv1service.ReportServiceGetJob.Client(svc,
		shopv1service.ReportServiceWaitJob, shopv1service.ReportServiceCancelJob, shopv1service.ReportServiceDeleteJob)}
}

// report runs a report and waits for it, as docs/operations.md has it.
func report(ctx context.Context, jobs shopv1service.ReportService, req *shopv1.RunReportRequest) (*shopv1.Job, error) {
	ops := shopv1service.ReportServiceGetJob.Client(jobs, shopv1service.ReportServiceWaitJob, shopv1service.ReportServiceCancelJob)
	job, err := shopv1service.ReportServiceRunReport.Call(ctx, jobs, ops, req)
	if err != nil {
		return nil, err
	}
	return job.Wait(ctx)
}

// start starts a job.
func (p process) start(ctx context.Context, t *testing.T, title string) *operation.Handle[shopv1.Job, shopv1.Job] {
	t.Helper()
	job, err := shopv1service.ReportServiceRunReport.Call(ctx, p, p.client, &shopv1.RunReportRequest{Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// get returns a job as callers see it.
func (p process) get(ctx context.Context, t *testing.T, name string) *shopv1.Job {
	t.Helper()
	job, err := p.GetJob(ctx, &shopv1.GetJobRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func TestAJobSucceeds(t *testing.T) {
	forEachStore(t, func(t *testing.T, store operation.Store) {
		ctx, proceed := within(t), make(chan struct{})
		var reports *Reports
		p := newProcess(t, store, func(ctx context.Context, run *jobRun) (*shopv1.Job, error) {
			if err := run.Save(ctx, nil, func(job *shopv1.Job) { job.Percent = 50 }); err != nil {
				return nil, err
			}
			select {
			case <-proceed:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			return reports.write(ctx, run)
		})
		job := p.start(ctx, t, "sales")
		for progress, err := range job.Progress(ctx, operation.WithInterval(10*time.Millisecond)) {
			if err != nil {
				t.Fatal(err)
			}
			if progress.GetPercent() == 50 && progress.GetStatus() == shopv1.Job_RUNNING {
				break
			}
		}
		close(proceed)
		done, err := job.Wait(ctx)
		if err != nil || done.GetReportUri() != "reports/sales" || done.GetPercent() != 100 || done.GetStatus() != shopv1.Job_SUCCEEDED || done.GetName() != job.Name() {
			t.Errorf("the job is %v, %v", done, err)
		}
		if again, err := report(ctx, p, &shopv1.RunReportRequest{Title: "costs", RequestId: "1"}); err != nil || again.GetReportUri() != "reports/costs" {
			t.Errorf("another job is %v, %v", again, err)
		}
		list, err := p.ListJobs(ctx, &shopv1.ListJobsRequest{})
		if err != nil || len(list.GetJobs()) != 2 || list.GetJobs()[0].GetStatus() != shopv1.Job_SUCCEEDED {
			t.Errorf("the list is %v, %v", list, err)
		}
		if err := job.Delete(ctx); err != nil {
			t.Errorf("deleting the job: %v", err)
		}
		if _, err := p.GetJob(ctx, &shopv1.GetJobRequest{Name: job.Name()}); status.Code(err) != codes.NotFound {
			t.Errorf("a deleted job: %v, want NOT_FOUND", err)
		}
	})
}

func TestAJobFails(t *testing.T) {
	forEachStore(t, func(t *testing.T, store operation.Store) {
		ctx := within(t)
		p := newProcess(t, store, func(context.Context, *jobRun) (*shopv1.Job, error) {
			return nil, rpcerr.Reason("NO_DATA").Errorf(codes.FailedPrecondition, "there is no data")
		})
		job := p.start(ctx, t, "sales")
		_, err := job.Wait(ctx)
		var failed *operation.Failed
		if !errors.As(err, &failed) || status.Convert(err).Message() != "there is no data" {
			t.Errorf("waiting for the job: %v, want that it failed", err)
		}
		if got := p.get(ctx, t, job.Name()); got.GetStatus() != shopv1.Job_FAILED || got.GetError() != "there is no data" {
			t.Errorf("the job is %v", got)
		}
	})
}

func TestAJobIsCancelled(t *testing.T) {
	forEachStore(t, func(t *testing.T, store operation.Store) {
		ctx := within(t)
		p := newProcess(t, store, func(ctx context.Context, run *jobRun) (*shopv1.Job, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		job := p.start(ctx, t, "sales")
		if err := job.Cancel(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := job.Wait(ctx); status.Code(err) != codes.Canceled {
			t.Errorf("waiting for the job: %v, want CANCELLED", err)
		}
		if got := p.get(ctx, t, job.Name()); got.GetStatus() != shopv1.Job_CANCELLED {
			t.Errorf("the job is %v", got)
		}
	})
}

func TestAJobPanics(t *testing.T) {
	forEachStore(t, func(t *testing.T, store operation.Store) {
		ctx := within(t)
		var attempts atomic.Int64
		p := newProcess(t, store, func(_ context.Context, run *jobRun) (*shopv1.Job, error) {
			attempts.Add(1)
			if run.Request().GetTitle() == "always" || run.Attempt() == 1 {
				panic("of the work")
			}
			return &shopv1.Job{Percent: 100}, nil
		})
		if done, err := p.start(ctx, t, "once").Wait(ctx); err != nil || done.GetStatus() != shopv1.Job_SUCCEEDED || attempts.Load() != 2 {
			t.Errorf("a job that panicked once: %v, %v after %d attempts", done, err, attempts.Load())
		}
		attempts.Store(0)
		job := p.start(ctx, t, "always")
		if _, err := job.Wait(ctx); status.Code(err) != codes.Unknown || attempts.Load() != 3 { // a Job has no code
			t.Errorf("a job that panics: %v after %d attempts, want UNKNOWN after 3", err, attempts.Load())
		}
		if got := p.get(ctx, t, job.Name()); got.GetStatus() != shopv1.Job_FAILED || got.GetError() != "internal error" {
			t.Errorf("the job is %v", got)
		}
	})
}

// TestAJobContinuesInAnotherProcess stops the process that runs a job, and checks that the next one
// continues from its checkpoint.
func TestAJobContinuesInAnotherProcess(t *testing.T) {
	forEachStore(t, func(t *testing.T, store operation.Store) {
		ctx, saved := within(t), make(chan struct{})
		first := newProcess(t, store, func(ctx context.Context, run *jobRun) (*shopv1.Job, error) {
			if err := run.Save(ctx, "half", func(job *shopv1.Job) { job.Percent = 50 }); err != nil {
				return nil, err
			}
			close(saved)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		name := first.start(ctx, t, "sales").Name()
		select {
		case <-saved:
		case <-ctx.Done():
			t.Fatal("the job saves nothing")
		}
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		second := newProcess(t, store, func(ctx context.Context, run *jobRun) (*shopv1.Job, error) {
			var at string
			if found, err := run.Checkpoint(&at); err != nil || !found || run.Metadata().GetPercent() != 50 {
				return nil, fmt.Errorf("the checkpoint is %q, %v, at %v", at, err, run.Metadata())
			}
			return &shopv1.Job{ReportUri: "from " + at}, nil
		})
		job := shopv1service.ReportServiceRunReport.Named(second.client, name)
		if done, err := job.Wait(ctx); err != nil || done.GetReportUri() != "from half" || done.GetPercent() != 50 {
			t.Errorf("the job is %v, %v", done, err)
		}
	})
}

// TestAJobOfAStandardClient checks what callers of google.longrunning.Operations see of a job.
func TestAJobOfAStandardClient(t *testing.T) {
	ctx := within(t)
	ops := operation.NewManager(operation.Memory())
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		shopv1service.RegisterReportService(r, NewReports(ops))
		operation.Register(r, ops)
	})
	job, err := shopv1service.ReportServiceRunReport.Call(ctx, shopv1service.NewReportServiceClient(conn), operation.NewClient(conn),
		&shopv1.RunReportRequest{Title: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := job.Wait(ctx); err != nil || done.GetReportUri() != "reports/sales" {
		t.Errorf("the result is %v, %v", done, err)
	}
}
