package page

import (
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors that paging makes: what [rpcerr.ReasonOf] returns for them. All but one are INVALID_ARGUMENT, with the
// field in BadRequest.
const (
	// ReasonTokenInvalid is the reason where a page token is none of the method, was changed, or is of a key that is gone.
	ReasonTokenInvalid rpcerr.Reason = "PAGE_TOKEN_INVALID"
	// ReasonTokenExpired is the reason where a page token was good until its time was over.
	ReasonTokenExpired rpcerr.Reason = "PAGE_TOKEN_EXPIRED"
	// ReasonTokenMismatch is the reason where a page token comes with other arguments than those it was given out for.
	ReasonTokenMismatch rpcerr.Reason = "PAGE_TOKEN_MISMATCH"
	// ReasonSizeInvalid is the reason where a page size is negative.
	ReasonSizeInvalid rpcerr.Reason = "PAGE_SIZE_INVALID"
	// ReasonSkipInvalid is the reason where the number of items to leave out is negative, or higher than the source of the list can
	// leave out; see [MaxSkip].
	ReasonSkipInvalid rpcerr.Reason = "PAGE_SKIP_INVALID"
	// ReasonOrderInvalid is the reason where an order is not one that the method has.
	ReasonOrderInvalid rpcerr.Reason = "ORDER_INVALID"
	// ReasonTooLarge is the reason of RESOURCE_EXHAUSTED where the items of a list without page tokens have more bytes than can be
	// sent. The metadata has how many there is room for, as "fits".
	ReasonTooLarge rpcerr.Reason = "PAGE_TOO_LARGE"
)
