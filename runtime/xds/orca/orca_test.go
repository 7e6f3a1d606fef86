package orca_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcaservice "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/xds/orca"
)

const patience = time.Minute

var quickly = orca.WithPeriod(orca.MinPeriod)

func TestReportsTravelInTrailers(t *testing.T) {
	servicetest.NoLeaks(t)
	echo := echotest.Behaving(func(ctx context.Context) error {
		orca.RecordCost(ctx, "rows", 1)
		orca.RecordCost(ctx, "rows", 12)
		orca.RecordMetric(ctx, "hits", 0.5)
		orca.RecordMetric(ctx, "", 1)
		return nil
	})
	running := echotest.Start(t, echo, orca.Reports(quickly, orca.WithUtilization(func() float64 { return 0.75 })))
	for kind, call := range echotest.Kinds {
		report := untilReported(t, func(opts ...grpc.CallOption) error {
			return call(context.Background(), running.Conn, opts...)
		})
		if report == nil {
			t.Fatalf("no call of %s has a report", kind)
		}
		if got := report.GetApplicationUtilization(); got != 0.75 {
			t.Errorf("utilization %v, want 0.75", got)
		}
		if report.GetRpsFractional() <= 0 {
			t.Errorf("no calls per second: %v", report)
		}
		if got := report.GetRequestCost(); len(got) != 1 || got["rows"] != 12 {
			t.Errorf("costs %v, want 12 rows", got)
		}
		if got := report.GetNamedMetrics(); len(got) != 1 || got["hits"] != 0.5 {
			t.Errorf("metrics %v, want hits", got)
		}
	}
}

// untilReported repeats a call until its trailer has the report of a period.
func untilReported(t *testing.T, call func(...grpc.CallOption) error) *orcapb.OrcaLoadReport {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var trailer metadata.MD
		if err := call(grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		report := new(orcapb.OrcaLoadReport)
		for _, encoded := range trailer.Get("endpoint-load-metrics-bin") {
			if err := proto.Unmarshal([]byte(encoded), report); err != nil {
				t.Fatal(err)
			}
		}
		if report.GetRpsFractional() > 0 {
			return report
		}
	}
	return nil
}

// TestStreamsOfReportsEndWhenTheServerDrains also checks that they need no authentication.
func TestStreamsOfReportsEndWhenTheServerDrains(t *testing.T) {
	servicetest.NoLeaks(t)
	reject := server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) {
		return nil, status.Error(codes.Unauthenticated, "nobody")
	})
	running := echotest.Start(t, echotest.Funcs{}, orca.Reports(quickly), server.WithAuthenticator(reject))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := orcaservice.NewOpenRcaServiceClient(running.Conn).StreamCoreMetrics(ctx,
		&orcaservice.OrcaLoadReportRequest{ReportInterval: durationpb.New(time.Nanosecond)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		report, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if report.GetRpsFractional() != 0 {
			t.Errorf("the stream of reports counts as a call: %v", report)
		}
	}
	if err := running.Stop(); err != nil {
		t.Errorf("the shutdown has cut off a stream of reports: %v", err)
	}
	for {
		_, err := stream.Recv()
		if status.Code(err) == codes.Unavailable {
			return
		}
		if err != nil {
			t.Fatalf("the stream ends with %v, want UNAVAILABLE", err)
		}
	}
}

func TestLoadedServersGetFewerCalls(t *testing.T) {
	for name, reports := range map[string][]orca.BalancerOption{
		"with responses": nil,
		"on a stream":    {orca.WithOutOfBand(orca.MinPeriod)},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			var idle, busy atomic.Int64
			addrs := []string{loaded(t, &idle, 0.1), loaded(t, &busy, 0.9)}
			conn := dial(t, addrs, append(reports,
				orca.WithBlackout(0), orca.WithUpdateInterval(orca.MinUpdateInterval))...)
			echo := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
			for deadline := time.Now().Add(patience); ; {
				idle.Store(0)
				busy.Store(0)
				for range 300 {
					if _, err := echo.One(context.Background(), &echotest.Text{}); err != nil {
						t.Fatal(err)
					}
				}
				if busy.Load() < idle.Load()/2 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("the loaded server gets %d calls and the idle one %d", busy.Load(), idle.Load())
				}
			}
		})
	}
}

// loaded serves until the test ends, counts calls and reports a utilization.
func loaded(t *testing.T, calls *atomic.Int64, utilization float64) string {
	srv := server.New(server.WithDrainDelay(0),
		orca.Reports(quickly, orca.WithUtilization(func() float64 { return utilization })))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error {
		calls.Add(1)
		return nil
	}))
	return echotest.ListenAndServe(t, srv)
}

func dial(t *testing.T, addrs []string, opts ...orca.BalancerOption) *client.Conn {
	t.Helper()
	servers := manual.NewBuilderWithScheme("servers")
	var state resolver.State
	for _, addr := range addrs {
		state.Endpoints = append(state.Endpoints, endpoint.New(addr))
	}
	servers.InitialState(state)
	conn, err := client.Dial("servers:///all", client.WithInsecure(), client.WithResolvers(servers),
		client.WithBalancer(orca.WeightedRoundRobin(opts...)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestBadOptionsOfTheBalancer(t *testing.T) {
	for want, opt := range map[string]orca.BalancerOption{
		"WithOutOfBand(0s)":      orca.WithOutOfBand(0),
		"WithBlackout(-1s)":      orca.WithBlackout(-time.Second),
		"WithExpiration(0s)":     orca.WithExpiration(0),
		"WithUpdateInterval(1n":  orca.WithUpdateInterval(1),
		"WithErrorPenalty(-1)":   orca.WithErrorPenalty(-1),
		"WithErrorPenalty(1001)": orca.WithErrorPenalty(1001),
	} {
		_, err := client.Dial("localhost:1", client.WithInsecure(), client.WithBalancer(orca.WeightedRoundRobin(opt)))
		if err == nil || !strings.Contains(err.Error(), `WithBalancer("weighted_round_robin"): `+want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	conn, err := client.Dial("localhost:1", client.WithInsecure(),
		client.WithBalancer(orca.WeightedRoundRobin(orca.WithErrorPenalty(0), orca.WithBlackout(1500*time.Millisecond))))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
