package service_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1servicetest"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestProductServiceContract(t *testing.T) {
	shopv1servicetest.CheckProductService(t, service.NewProductService(service.NewCatalogue(service.Products()...)))
}

func TestSearchProducts(t *testing.T) {
	products := shopv1servicetest.ServeProductService(t, service.NewProductService(service.NewCatalogue(service.Products()...)))
	tests := []struct {
		name  string
		query string
		limit int32
		want  []int32
	}{
		{"by category", "tea", 0, []int32{3, 4}},
		{"by name, whatever the case", "GRINDER", 0, []int32{2}},
		{"everything", "", 0, []int32{1, 2, 3, 4, 5, 6}},
		{"nothing", "bicycle", 0, nil},
		{"at most", "coffee", 2, []int32{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := &shopv1.SearchRequest{Query: test.query, Limit: test.limit}
			found, err := stream.Collect(products.SearchProducts(t.Context(), req))
			if err != nil {
				t.Fatal(err)
			}
			var got []int32
			for _, product := range found {
				got = append(got, product.GetId())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got the products %v, want %v", got, test.want)
			}
		})
	}
}

// TestSearchProductsFilters checks each member of the oneof.
func TestSearchProductsFilters(t *testing.T) {
	products := shopv1servicetest.ServeProductService(t, service.NewProductService(service.NewCatalogue(service.Products()...)))
	for name, test := range map[string]struct {
		req  *shopv1.SearchRequest
		want []int32
	}{
		"category": {&shopv1.SearchRequest{Filter: &shopv1.SearchRequest_Category{Category: "tea"}}, []int32{3, 4}},
		"tag":      {&shopv1.SearchRequest{Filter: &shopv1.SearchRequest_Tag{Tag: "gift"}}, []int32{1, 3}},
		"price":    {&shopv1.SearchRequest{Query: "coffee", Filter: &shopv1.SearchRequest_MaxPriceCents{MaxPriceCents: 8950}}, []int32{2, 5}},
	} {
		found, err := stream.Collect(products.SearchProducts(t.Context(), test.req))
		if err != nil {
			t.Fatal(err)
		}
		var got []int32
		for _, product := range found {
			got = append(got, product.GetId())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got the products %v, want %v", name, got, test.want)
		}
	}
}

func TestSearchProductsBoundsTheLimit(t *testing.T) {
	catalogue := make([]*shopv1.Product, 1000)
	for i := range catalogue {
		catalogue[i] = &shopv1.Product{Id: int32(i)}
	}
	products := shopv1servicetest.ServeProductService(t, service.NewProductService(service.NewCatalogue(catalogue...)))
	found, err := stream.Collect(products.SearchProducts(t.Context(), &shopv1.SearchRequest{Limit: 500}))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 100 {
		t.Errorf("got %d products, want 100", len(found))
	}
	_, err = stream.Collect(products.SearchProducts(t.Context(), &shopv1.SearchRequest{Limit: -1}))
	wantCode(t, err, codes.InvalidArgument)
}
