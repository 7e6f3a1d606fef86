package service

import (
	"fmt"

	"google.golang.org/grpc/codes"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxPrice is the maximum price of a product in cents.
const maxPrice = 100_000_000

// checkBatch validates a request on its own. Mistakes that depend on the current state, such as a
// product that is no longer sold, appear when the operation reaches the item.
func checkBatch(req *shopv1.BatchRequest) error {
	var found []rpcerr.FieldViolation
	for i, item := range req.GetItems() {
		if cents := item.GetPriceCents(); cents < 1 || cents > maxPrice {
			found = append(found, rpcerr.Violation(fmt.Sprintf("items[%d].price_cents", i), "must be 1 to %d, is %d", maxPrice, cents))
		}
	}
	if err := rpcerr.Invalid(found...); err != nil {
		return err
	}
	if name := req.GetCatalogue(); name != MainCatalogue {
		return shopv1service.BatchJobReasonCatalogueUnknown.Errorf(codes.NotFound, "the shop has no catalogue of this name; %s is one", MainCatalogue).
			WithResource("shop.example.com/Catalogue", name, "")
	}
	return nil
}
