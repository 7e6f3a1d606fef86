package service

import (
	"context"
	"iter"
	"slices"
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
	return shopv1service.ProductServiceSearchProducts.Serve(ctx, req, s.matches(req))
}

// matches ranges over the products that a request searches for.
func (s *ProductService) matches(req *shopv1.SearchRequest) iter.Seq2[*shopv1.Product, error] {
	query := strings.ToLower(req.GetQuery())
	return func(yield func(*shopv1.Product, error) bool) {
		for _, product := range s.catalogue.Products() {
			found := strings.Contains(strings.ToLower(product.GetName()), query) ||
				strings.Contains(strings.ToLower(product.GetCategory()), query)
			if found && passes(product, req) && !yield(product, nil) {
				return
			}
		}
	}
}

// passes reports whether the filter of a request leaves a product.
func passes(product *shopv1.Product, req *shopv1.SearchRequest) bool {
	switch filter := req.GetFilter().(type) {
	case *shopv1.SearchRequest_Category:
		return product.GetCategory() == filter.Category
	case *shopv1.SearchRequest_Tag:
		return slices.Contains(product.GetTags(), filter.Tag)
	case *shopv1.SearchRequest_MaxPriceCents:
		return product.GetPriceCents() <= filter.MaxPriceCents
	default:
		return true
	}
}
