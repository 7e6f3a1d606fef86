package serve_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/internal/foreign/gen/envoy/service/discovery/v3/discoveryv3service"
	"github.com/grpcservice/grpcservice/internal/foreign/gen/google/pubsub/v1/pubsubpbservice"
	"github.com/grpcservice/grpcservice/internal/foreign/gen/opentelemetry/proto/collector/trace/v1/v1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/page"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestMain keeps the records of calls out of the output.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// collector counts spans.
type collector struct{ spans int }

func (c *collector) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans += len(scope.GetSpans())
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func TestOpenTelemetry(t *testing.T) {
	c := new(collector)
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { v1service.RegisterTraceService(r, c) })
	req := &collectorv1.ExportTraceServiceRequest{ResourceSpans: []*tracev1.ResourceSpans{{ScopeSpans: []*tracev1.ScopeSpans{{Spans: make([]*tracev1.Span, 3)}}}}}
	if _, err := collectorv1.NewTraceServiceClient(conn).Export(t.Context(), req); err != nil || c.spans != 3 {
		t.Errorf("the collector has %d spans, %v", c.spans, err)
	}
}

// control sends each node what it asks for.
type control struct {
	discoveryv3service.UnimplementedAggregatedDiscoveryService
}

func (control) StreamAggregatedResources(_ context.Context, reqs runtime.Stream[discoveryv3.DiscoveryRequest]) runtime.Stream[discoveryv3.DiscoveryResponse] {
	return func(yield func(*discoveryv3.DiscoveryResponse, error) bool) {
		for req, err := range reqs {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&discoveryv3.DiscoveryResponse{TypeUrl: req.GetTypeUrl(), Nonce: req.GetResponseNonce() + "+"}, nil) {
				return
			}
		}
	}
}

func TestEnvoy(t *testing.T) {
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { discoveryv3service.RegisterAggregatedDiscoveryService(r, control{}) })
	stock := discoveryv3.NewAggregatedDiscoveryServiceClient(conn)
	stream, err := stock.StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nonce := ""
	for range 3 {
		if err := stream.Send(&discoveryv3.DiscoveryRequest{TypeUrl: "cluster", ResponseNonce: nonce}); err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil || resp.GetTypeUrl() != "cluster" || resp.GetNonce() != nonce+"+" {
			t.Fatalf("got %v, %v", resp, err)
		}
		nonce = resp.GetNonce()
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	delta, err := stock.DeltaAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Recv(); status.Code(err) != codes.Unimplemented {
		t.Errorf("the other RPC got %v", err)
	}
}

// publisher has topics and nothing else.
type publisher struct {
	pubsubpbservice.UnimplementedPublisher
	topics []*pubsubpb.Topic
}

func (p publisher) ListTopics(ctx context.Context, req *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	return pubsubpbservice.PublisherListTopics.Serve(ctx, req, page.Slice(p.topics))
}

// stockPublisher is one that protoc-gen-go-grpc's code serves.
type stockPublisher struct {
	pubsubpb.UnimplementedPublisherServer
}

func (stockPublisher) ListTopics(_ context.Context, req *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	if req.GetPageToken() == "" {
		return &pubsubpb.ListTopicsResponse{Topics: []*pubsubpb.Topic{{Name: "a"}}, NextPageToken: "b"}, nil
	}
	return &pubsubpb.ListTopicsResponse{Topics: []*pubsubpb.Topic{{Name: req.GetPageToken()}}}, nil
}

func TestPubSub(t *testing.T) {
	var p publisher
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("projects/p/topics/%02d", i))
		p.topics = append(p.topics, &pubsubpb.Topic{Name: want[i]})
	}
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { pubsubpbservice.RegisterPublisher(r, p) })
	stock := pubsubpb.NewPublisherClient(conn)
	var got []string
	req := &pubsubpb.ListTopicsRequest{Project: "projects/p", PageSize: 10}
	for {
		resp, err := stock.ListTopics(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range resp.GetTopics() {
			got = append(got, topic.GetName())
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the stock client lists %q", got)
	}
	if _, err := stock.ListTopics(t.Context(), &pubsubpb.ListTopicsRequest{Project: "projects/p", PageToken: "forged"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a forged token got %v", err)
	}
	if _, err := stock.GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: "projects/p/topics/00"}); status.Code(err) != codes.Unimplemented {
		t.Errorf("GetTopic got %v", err)
	}
}

func TestPubSubOfOthers(t *testing.T) {
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) { pubsubpb.RegisterPublisherServer(r, stockPublisher{}) })
	var got []string
	for topic, err := range pubsubpbservice.PublisherListTopics.All(t.Context(), pubsubpbservice.NewPublisherClient(conn), &pubsubpb.ListTopicsRequest{Project: "p"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, topic.GetName())
	}
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the generated client lists %q", got)
	}
}
