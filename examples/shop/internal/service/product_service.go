package service

import (
	"context"
	"strings"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxProducts is how many products one search sends at most.
const maxProducts = 100

// ProductService searches a catalogue. It implements [shopv1service.ProductService].
type ProductService struct {
	catalogue *Catalogue
}

// NewProductService returns a ProductService that finds what is in catalogue.
func NewProductService(catalogue *Catalogue) *ProductService { return &ProductService{catalogue} }

// SearchProducts streams the products that match, in the order of the catalogue.
func (s *ProductService) SearchProducts(_ context.Context, req *shopv1.SearchRequest) runtime.Stream[shopv1.Product] {
	if req.GetLimit() < 0 {
		return runtime.Fail[shopv1.Product](rpcerr.Invalid(rpcerr.Violation("limit", "must not be negative")))
	}
	limit := int(req.GetLimit())
	if limit == 0 || limit > maxProducts {
		limit = maxProducts
	}
	query := strings.ToLower(req.GetQuery())
	return func(yield func(*shopv1.Product, error) bool) {
		sent := 0
		for _, product := range s.catalogue.Products() {
			if !matches(product, query) {
				continue
			}
			if sent == limit || !yield(product, nil) {
				return // the caller has what it asked for, or is gone
			}
			sent++
		}
	}
}

// matches tells whether a product has query, in lower case, in its name or category.
func matches(product *shopv1.Product, query string) bool {
	return strings.Contains(strings.ToLower(product.GetName()), query) ||
		strings.Contains(strings.ToLower(product.GetCategory()), query)
}
