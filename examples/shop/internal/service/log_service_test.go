package service_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func newLines() *service.Lines { return eventlog.New[shopv1.LogEntry](eventlog.NewMemory()) }

func TestLogServiceContract(t *testing.T) {
	shopv1servicetest.CheckLogService(t, service.NewLogService(newLines()))
}

// TestTailLogs reads the last lines of one service, and then a line that is written meanwhile.
func TestTailLogs(t *testing.T) {
	servicetest.NoLeaks(t)
	lines := newLines()
	var written bytes.Buffer
	logger := slog.New(service.KeepLines(lines, slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelInfo})))
	orders := logger.With("method", "shop.v1.OrderService/CreateOrder")
	orders.Info("rpc", "n", 1)
	logger.Info("draining")
	orders.Warn("rpc", "n", 2)
	logger.Info("rpc", "method", "shop.v1.UserService/GetUser")
	orders.Debug("not written")
	orders.WithGroup("g").Info("rpc", "method", "other", "n", 3)
	logs := shopv1servicetest.ServeLogService(t, service.NewLogService(lines))
	want := []string{
		"WARN rpc method=shop.v1.OrderService/CreateOrder n=2",
		"INFO rpc method=shop.v1.OrderService/CreateOrder g.method=other g.n=3",
		"INFO later method=shop.v1.OrderService/CreateOrder",
	}
	i := 0
	for entry, err := range logs.TailLogs(t.Context(), &shopv1.TailRequest{ServiceName: "shop.v1.OrderService", Level: "INFO", Lines: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := entry.GetLevel() + " " + entry.GetMessage(); got != want[i] || entry.GetServiceName() != "shop.v1.OrderService" || entry.GetTimestamp() == nil {
			t.Errorf("line %d is %v, want %q", i, entry, want[i])
		}
		if i++; i == len(want) {
			break
		}
		if i == 2 {
			orders.Info("later")
		}
	}
	if i != len(want) || strings.Count(written.String(), "\n") != 6 {
		t.Errorf("read %d lines; the log has\n%s", i, &written)
	}
	_, err := stream.Collect(logs.TailLogs(t.Context(), &shopv1.TailRequest{Level: "LOUD"}))
	wantCode(t, err, codes.InvalidArgument)
}
