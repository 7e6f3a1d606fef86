package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/examples/shop/internal/collector"
	"github.com/grpcservice/grpcservice/examples/shop/internal/process"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcotel"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/otlp"
)

// playTelemetry shows what can be seen of the replicas from outside.
func playTelemetry(ctx context.Context, p *platform, replicas []*process.Server) error {
	title("Follow one job through all programs")
	if err := playTrace(ctx, p, replicas[1].Addr); err != nil {
		return err
	}
	title("Scrape the metrics of the replica that ran it")
	if err := playScrape(ctx, replicas[1].Admin); err != nil {
		return err
	}
	title("Look at its admin page")
	return playAdminPage(ctx, replicas[1].Admin)
}

// playTrace starts an operation at the replica that asks the other one, and prints its trace.
func playTrace(ctx context.Context, p *platform, addr string) (err error) {
	for variable, value := range p.tracing("demo") {
		if err := os.Setenv(variable, value); err != nil {
			return err
		}
	}
	traces := otlp.New()
	stop, err := traces.Start(ctx, nil)
	if err != nil {
		return err
	}
	spans := grpcotel.New(grpcotel.WithTracerProvider(traces.TracerProvider()))
	conn, err := client.Dial(addr, client.WithServerCAs(p.provider.CAFile), client.WithObservers(spans.Client()))
	if err != nil {
		return err
	}
	defer conn.Close()
	callers, err := p.provider.Callers()
	if err != nil {
		return err
	}
	root, span := traces.TracerProvider().Tracer("demo").Start(callers.As(ctx, auth.Clerk), "change prices")
	op, err := shopv1service.BatchJobServiceProcessBatch.Call(root, shopv1service.NewBatchJobServiceClient(conn), operation.NewClient(conn), &shopv1.BatchRequest{
		Catalogue: service.MainCatalogue, Items: []*shopv1.PriceChange{{ProductId: 1, PriceCents: time.Now().Unix() % 10000}},
	})
	span.End()
	if err != nil {
		return err
	}
	if _, err := op.Wait(callers.As(ctx, auth.Clerk)); err != nil {
		return err
	}
	if err := stop(ctx); err != nil {
		return err
	}
	return p.printTrace(ctx, span.SpanContext())
}

// printTrace prints a trace as soon as the collector has all of it.
func (p *platform) printTrace(ctx context.Context, of trace.SpanContext) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	spans, err := p.collector.Wait(ctx, of.TraceID().String(), func(spans []collector.Span) bool { return chain(spans) == nil })
	fmt.Print(collector.Tree(spans))
	return errors.Join(chain(spans), err)
}

// chain returns an error unless a trace leads from the client through both replicas: from the call
// that starts the operation, to the operation, to the call that it makes.
func chain(spans []collector.Span) error {
	parent := ""
	for _, want := range []struct{ service, name, kind string }{
		{"demo", "change prices", "internal"},
		{"demo", "BatchJobService/ProcessBatch", "client"},
		{"shop-2", "BatchJobService/ProcessBatch", "server"},
		{"shop-2", "ProcessBatch", "consumer"}, // the operation
		{"shop-2", "ProductService/SearchProducts", "client"},
		{"shop-1", "ProductService/SearchProducts", "server"},
	} {
		i := slices.IndexFunc(spans, func(s collector.Span) bool {
			return s.Parent == parent && s.Service == want.service && s.Kind == want.kind && strings.HasSuffix(s.Name, want.name)
		})
		if i < 0 {
			return fmt.Errorf("the trace has no span of %s (%s, %s) below the one before it", want.name, want.service, want.kind)
		}
		parent = spans[i].ID
	}
	return nil
}

// playScrape prints some of the metrics of a replica.
func playScrape(ctx context.Context, admin string) error {
	text, err := get(ctx, "http://"+admin+"/metrics")
	if err != nil {
		return err
	}
	for _, want := range []string{
		`grpc_server_handled_total{grpc_code="OK",grpc_method="ProcessBatch",grpc_service="shop.v1.BatchJobService"`,
		`grpc_server_handling_seconds_count{grpc_method="ProcessBatch"`,
		`grpc_client_handled_total{grpc_code="OK",grpc_method="SearchProducts"`,
		`grpcservice_otlp_spans_total{result="sent"}`,
		`grpcservice_build_info{`,
	} {
		if err := printLine(text, want); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// playAdminPage prints whether a replica is ready, and a line of its page.
func playAdminPage(ctx context.Context, admin string) error {
	ready, err := get(ctx, "http://"+admin+"/readyz")
	if err != nil {
		return err
	}
	fmt.Println("/readyz:", strings.TrimSpace(ready))
	page, err := get(ctx, "http://"+admin+"/")
	if err != nil {
		return err
	}
	return printLine(page, "shop.v1.BatchJobService")
}

// printLine prints the first line of a text that has a part.
func printLine(text, part string) error {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			fmt.Println(strings.TrimSpace(line))
			return nil
		}
	}
	return fmt.Errorf("no line has %s", part)
}

// get returns the content at a URL.
func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", url, resp.Status, text)
	}
	return string(text), err
}
