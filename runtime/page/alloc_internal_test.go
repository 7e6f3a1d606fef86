//go:build !race

// The race detector adds allocations.

package page

import (
	"context"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"

	"google.golang.org/protobuf/reflect/protoreflect"

	pagev1 "github.com/grpcservice/grpcservice/internal/e2e/gen/page/v1"
)

// tenFields is a request with ten fields beside those of its page.
func tenFields() protoreflect.Message {
	return (&pagev1.ListItemsRequest{
		PageSize: 50, Parent: "shelves/1", Filter: "born > 1900", OrderBy: "name", ShowDeleted: true, Ids: []int64{3, 1, 2}, Language: "de", View: "FULL",
		Minimum: 1.5, Created: &pagev1.Range{From: 1, To: 2}, Trace: "t", RequestId: "1b4e28ba-2fa1-4d2b-883f-0016d3cca427",
	}).ProtoReflect()
}

// tenFieldShape pages by three of the fields.
func tenFieldShape(t testing.TB) *shape {
	t.Helper()
	var resp pagev1.ListItemsResponse
	s, err := newShape(Fields{
		Items: "items", Size: "page_size", Token: "page_token", NextToken: "next_page_token", IdempotencyKey: "request_id",
	}, tenFields().Descriptor(), resp.ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// roundTrip binds a request, seals a token and opens it.
func roundTrip(t testing.TB, s *shape, req protoreflect.Message, at position) {
	const method = "/shop.v1.UserService/ListUsers"
	ring := callctx.TokenRing(t.Context())
	sum, err := s.digester.Of(context.Background(), req.Interface())
	if err != nil {
		t.Fatal(err)
	}
	token := ring.Seal(method, sum, time.Now().Add(time.Hour), at)
	if _, err := ring.Open(method, sum, token); err != nil {
		t.Fatal(err)
	}
}

// TestATokenCostsFewAllocations holds the budget of docs/pages.md: binding a request of ten fields,
// sealing and opening.
func TestATokenCostsFewAllocations(t *testing.T) {
	s, req := tenFieldShape(t), tenFields()
	if got := testing.AllocsPerRun(200, func() { roundTrip(t, s, req, positionOf(50)) }); got > 8 {
		t.Errorf("%v allocations, at most 8", got)
	}
}

// BenchmarkToken is what a token costs: binding a request of ten fields, sealing and opening.
func BenchmarkToken(b *testing.B) {
	s, req, at := tenFieldShape(b), tenFields(), positionOf(50)
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, s, req, at)
	}
}
