package page

import (
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of paging errors, as [rpcerr.ReasonOf] returns them. All but one belong to
// INVALID_ARGUMENT, with the field in BadRequest.
const (
	// ReasonTokenInvalid means that a page token is not a token of the method, was changed, or
	// was sealed with a key that is gone.
	ReasonTokenInvalid rpcerr.Reason = "PAGE_TOKEN_INVALID"
	// ReasonTokenExpired means that a page token has expired.
	ReasonTokenExpired rpcerr.Reason = "PAGE_TOKEN_EXPIRED"
	// ReasonTokenMismatch means that a page token came with other arguments than those that it
	// was issued for.
	ReasonTokenMismatch rpcerr.Reason = "PAGE_TOKEN_MISMATCH"
	// ReasonSizeInvalid means that a page size is negative.
	ReasonSizeInvalid rpcerr.Reason = "PAGE_SIZE_INVALID"
	// ReasonSkipInvalid means that the number of items to skip is negative, or higher than the
	// source supports; see [MaxSkip].
	ReasonSkipInvalid rpcerr.Reason = "PAGE_SKIP_INVALID"
	// ReasonOrderInvalid means that the method does not support an order.
	ReasonOrderInvalid rpcerr.Reason = "ORDER_INVALID"
	// ReasonTooLarge is the reason of RESOURCE_EXHAUSTED if the items of a list without page
	// tokens exceed the maximum size of a response. The metadata has the number of items that
	// fit, as "fits".
	ReasonTooLarge rpcerr.Reason = "PAGE_TOO_LARGE"
)
