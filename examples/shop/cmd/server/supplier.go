package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
)

// supplierVariable is the address of another shop that supplies this one.
const supplierVariable = "SHOP_SUPPLIER"

// supplied changes the prices only of products that the supplier still offers: an operation calls
// another server.
type supplied struct {
	service.Prices
	supplier shopv1service.ProductService
}

// SetPrice implements service.Prices.
func (s supplied) SetPrice(ctx context.Context, productID int32, cents int64) (changed bool, err error) {
	for product, err := range s.supplier.SearchProducts(ctx, &shopv1.SearchRequest{}) {
		if err != nil {
			return false, fmt.Errorf("supplier: %w", err)
		}
		if product.GetId() == productID {
			return s.Prices.SetPrice(ctx, productID, cents)
		}
	}
	return false, shopv1service.ProductReasonProductUnknown.Errorf(codes.NotFound, "the supplier does not offer product %d", productID)
}

// withSupplier returns prices that are checked at the supplier, if the environment names one.
// Its calls belong to the traces of the operations that make them.
func withSupplier(prices service.Prices, getenv func(string) string, observers ...runtime.Observer) (service.Prices, func(), error) {
	addr := getenv(supplierVariable)
	if addr == "" {
		return prices, func() {}, nil
	}
	encryption := client.WithInsecure()
	if ca := getenv(caVariable); ca != "" {
		encryption = client.WithServerCAs(ca)
	}
	conn, err := client.Dial(addr, encryption, shopv1service.ProductServiceConfig(), client.WithObservers(observers...))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", supplierVariable, err)
	}
	return supplied{prices, shopv1service.NewProductServiceClient(conn)}, func() { _ = conn.Close() }, nil
}
