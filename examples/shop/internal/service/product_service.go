package service

import (
	"context"
	"iter"
	"strings"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime"
)

// ProductService searches a catalogue. It implements [shopv1service.ProductService].
type ProductService struct {
	catalogue *Catalogue
}

// NewProductService returns a ProductService that finds what is in catalogue.
func NewProductService(catalogue *Catalogue) *ProductService { return &ProductService{catalogue} }

// SearchProducts streams the products that match, in the order of the catalogue.
func (s *ProductService) SearchProducts(ctx context.Context, req *shopv1.SearchRequest) runtime.Stream[shopv1.Product] {
	return shopv1service.ProductServiceSearchProducts.Serve(ctx, req, s.matches(strings.ToLower(req.GetQuery())))
}

// matches ranges over the products whose name or category contains query, which is in lower case.
func (s *ProductService) matches(query string) iter.Seq2[*shopv1.Product, error] {
	return func(yield func(*shopv1.Product, error) bool) {
		for _, product := range s.catalogue.Products() {
			found := strings.Contains(strings.ToLower(product.GetName()), query) ||
				strings.Contains(strings.ToLower(product.GetCategory()), query)
			if found && !yield(product, nil) {
				return
			}
		}
	}
}
