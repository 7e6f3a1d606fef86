package service

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
)

// Catalogue is what the shop sells. Its prices may change while others read it.
type Catalogue struct {
	mu       sync.RWMutex
	products []*shopv1.Product // neither the products nor the slice are modified, only replaced
}

// NewCatalogue returns a catalogue of products, which must not be changed any more.
func NewCatalogue(products ...*shopv1.Product) *Catalogue { return &Catalogue{products: products} }

// Products returns what the example sells.
func Products() []*shopv1.Product {
	return []*shopv1.Product{
		{Id: 1, Name: "Espresso machine", Category: "coffee", PriceCents: 24900, Tags: []string{"gift", "new"}},
		{Id: 2, Name: "Coffee grinder", Category: "coffee", PriceCents: 8950},
		{Id: 3, Name: "Teapot", Category: "tea", PriceCents: 3200, Tags: []string{"gift"}},
		{Id: 4, Name: "Green tea, 100 g", Category: "tea", PriceCents: 790},
		{Id: 5, Name: "Coffee beans, 1 kg", Category: "coffee", PriceCents: 1890},
		{Id: 6, Name: "Milk jug", Category: "kitchen", PriceCents: 1450},
	}
}

// Products returns the products as they are now, which must not be changed.
func (c *Catalogue) Products() []*shopv1.Product {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.products
}

// SetPrice sets the price of a product, and reports whether it was another one before.
func (c *Catalogue) SetPrice(_ context.Context, productID int32, cents int64) (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := indexOf(c.products, productID)
	if i < 0 {
		return false, shopv1service.ProductReasonProductUnknown.Errorf(codes.NotFound, "the shop does not sell product %d", productID).
			WithResource("shop.example.com/Product", "products/"+strconv.Itoa(int(productID)), "")
	}
	if c.products[i].GetPriceCents() == cents {
		return false, nil
	}
	product := proto.CloneOf(c.products[i])
	product.PriceCents = cents
	c.products = slices.Clone(c.products)
	c.products[i] = product
	return true, nil
}

// indexOf returns the index of the product with an ID, or -1.
func indexOf(products []*shopv1.Product, id int32) int {
	return slices.IndexFunc(products, func(p *shopv1.Product) bool { return p.GetId() == id })
}
