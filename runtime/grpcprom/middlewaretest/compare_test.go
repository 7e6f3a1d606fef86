package middlewaretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestSeriesAreThoseOfGoGRPCMiddleware makes the same calls in both stacks and compares all series
// of both ends, in both directions.
func TestSeriesAreThoseOfGoGRPCMiddleware(t *testing.T) {
	want, wantBounds := withMiddleware(t)
	got, gotBounds := withGRPCProm(t)
	if len(want) < 100 {
		t.Fatalf("only %d series", len(want))
	}
	for key, value := range want {
		if now, ok := got[key]; !ok && value != 0 {
			t.Errorf("%s is missing, want %v", key, value)
		} else if now != value {
			t.Errorf("%s is %v, want %v", key, now, value)
		}
	}
	for key, value := range got {
		if wanted, ok := want[key]; !ok && value != 0 {
			t.Errorf("%s is %v, and go-grpc-middleware does not have it", key, value)
		} else if ok && wanted != value {
			t.Errorf("%s is %v, want %v", key, value, wanted)
		}
	}
	for _, bound := range wantBounds { // dashboards may name them in le
		if !slices.Contains(gotBounds, bound) {
			t.Errorf("the bound %v is missing: %v", bound, gotBounds)
		}
	}
}

// withMiddleware returns the series of go-grpc-middleware after all calls.
func withMiddleware(t *testing.T) (map[string]float64, []float64) {
	t.Helper()
	serves := middleware.NewServerMetrics(middleware.WithServerHandlingTimeHistogram())
	calls := middleware.NewClientMetrics(middleware.WithClientHandlingTimeHistogram())
	srv := grpc.NewServer(grpc.UnaryInterceptor(serves.UnaryServerInterceptor()),
		grpc.StreamInterceptor(serves.StreamServerInterceptor()))
	kindsv1.RegisterKindsServiceServer(srv, stock{})
	serves.InitializeMetrics(srv)
	lis := listen(t)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(calls.UnaryClientInterceptor()),
		grpc.WithStreamInterceptor(calls.StreamClientInterceptor()))
	if err != nil {
		t.Fatal(err)
	}
	callAll(t, conn)
	conn.Close()
	srv.GracefulStop()
	<-served
	return gather(t, serves, calls)
}

// withGRPCProm returns the series of grpcprom after all calls.
func withGRPCProm(t *testing.T) (map[string]float64, []float64) {
	t.Helper()
	metrics := grpcprom.New()
	srv := server.New(server.WithDrainDelay(0), server.WithObservers(metrics.Server()),
		server.WithLogger(slog.New(slog.DiscardHandler)))
	kindsv1service.RegisterKindsService(srv, ours{})
	lis := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure(),
		client.WithObservers(metrics.Client()))
	if err != nil {
		t.Fatal(err)
	}
	callAll(t, conn)
	conn.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return gather(t, metrics)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// callAll calls all kinds of RPCs, with each code and several numbers of messages.
func callAll(t *testing.T, conn grpc.ClientConnInterface) {
	t.Helper()
	stub := kindsv1.NewKindsServiceClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for code := range codes.Code(17) {
		req := &kindsv1.Request{Count: int32(code % 3), Code: int32(code)}
		for range 1 + code%2 {
			for kind, err := range map[string]error{
				"unary":         unary(ctx, stub, req),
				"server stream": serverStream(ctx, stub, req),
				"client stream": clientStream(ctx, stub, req),
				"bidi":          bidi(ctx, stub, req),
			} {
				if status.Code(err) != code {
					t.Fatalf("%s ended with %v, want %v", kind, err, code)
				}
			}
		}
	}
}

func unary(ctx context.Context, stub kindsv1.KindsServiceClient, req *kindsv1.Request) error {
	_, err := stub.Unary(ctx, req)
	return err
}

func serverStream(
	ctx context.Context, stub kindsv1.KindsServiceClient, req *kindsv1.Request,
) error {
	stream, err := stub.ServerStream(ctx, req)
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

func clientStream(
	ctx context.Context, stub kindsv1.KindsServiceClient, req *kindsv1.Request,
) error {
	stream, err := stub.ClientStream(ctx)
	if err != nil {
		return err
	}
	for range 3 {
		if err := stream.Send(req); err != nil {
			return err
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func bidi(ctx context.Context, stub kindsv1.KindsServiceClient, req *kindsv1.Request) error {
	stream, err := stub.Bidi(ctx)
	if err != nil {
		return err
	}
	for range 3 {
		if err := stream.Send(req); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return drain(stream.Recv)
}

// drain receives until the stream ends.
func drain(receive func() (*kindsv1.Response, error)) error {
	for {
		if _, err := receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// gather returns the values of all series of KindsService, of histograms their counts, and the
// bounds of buckets.
func gather(t *testing.T, all ...prometheus.Collector) (map[string]float64, []float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(all...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values, bounds := make(map[string]float64), []float64(nil)
	for _, family := range families {
		for _, m := range family.Metric {
			key := keyOf(family, m)
			if !strings.Contains(key, `"kinds.v1.KindsService"`) || !strings.HasPrefix(key, "grpc_") {
				continue
			}
			if h := m.Histogram; h != nil {
				values[key], bounds = float64(h.GetSampleCount()), nil
				for _, b := range h.Bucket {
					bounds = append(bounds, b.GetUpperBound())
				}
			} else {
				values[key] = m.Counter.GetValue()
			}
		}
	}
	return values, bounds
}

// keyOf returns the series as Prometheus writes it, with the type of its metric.
func keyOf(family *dto.MetricFamily, m *dto.Metric) string {
	var labels []string
	for _, pair := range m.Label {
		labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
	}
	return fmt.Sprintf("%s{%s} %v", family.GetName(), strings.Join(labels, ","), family.GetType())
}
