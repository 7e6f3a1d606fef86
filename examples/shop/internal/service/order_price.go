package service

import (
	"fmt"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Limits of an order. Within them, no total price overflows an int64.
const (
	maxLines    = 50
	maxQuantity = 1000
)

// priceOf returns the total price of the lines of an order. It returns all their mistakes in one
// INVALID_ARGUMENT error.
func priceOf(lines []*shopv1.Order_Line, products []*shopv1.Product) (cents int64, err error) {
	if len(lines) > maxLines {
		return 0, rpcerr.Invalid(rpcerr.Violation("lines", "must be %d at most, are %d", maxLines, len(lines)))
	}
	var found []rpcerr.FieldViolation
	for i, line := range lines {
		path := fmt.Sprintf("lines[%d].", i)
		if quantity := line.GetQuantity(); quantity < 1 || quantity > maxQuantity {
			found = append(found, rpcerr.Violation(path+"quantity", "must be 1 to %d, is %d", maxQuantity, quantity))
			continue
		}
		at := indexOf(products, line.GetProductId())
		if at < 0 {
			found = append(found, rpcerr.FieldViolation{
				Field: path + "product_id", Description: "the shop does not sell it", Reason: shopv1service.ProductReasonProductUnknown.Name(),
			})
			continue
		}
		cents += int64(line.GetQuantity()) * products[at].GetPriceCents()
	}
	return cents, rpcerr.Invalid(found...)
}
