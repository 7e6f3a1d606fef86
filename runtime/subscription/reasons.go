package subscription

import "github.com/grpcservice/grpcservice/runtime/rpcerr"

// Reasons of the errors of subscriptions, as [rpcerr.ReasonOf] returns them.
const (
	// ReasonPositionInvalid is the reason of INVALID_ARGUMENT if a position is not one of the
	// method and the log, or was changed.
	ReasonPositionInvalid rpcerr.Reason = "POSITION_INVALID"
	// ReasonPositionExpired is the reason of OUT_OF_RANGE if events after a position were
	// trimmed. The metadata has the earliest position that is left, as "earliest".
	ReasonPositionExpired rpcerr.Reason = "POSITION_EXPIRED"
	// ReasonPositionUnknown is the reason of OUT_OF_RANGE if a position belongs to another
	// incarnation of the log, is beyond its head, or was sealed with a key that is gone. The
	// metadata has the earliest position that is left, as "earliest".
	ReasonPositionUnknown rpcerr.Reason = "POSITION_UNKNOWN"
	// ReasonStartInvalid is the reason of INVALID_ARGUMENT for a start that is not a valid time
	// or number of lines.
	ReasonStartInvalid rpcerr.Reason = "SUBSCRIPTION_START_INVALID"
	// ReasonFilterInvalid is the reason of INVALID_ARGUMENT for an unknown type or level.
	ReasonFilterInvalid rpcerr.Reason = "SUBSCRIPTION_FILTER_INVALID"
)

// earliestKey is the metadata key of the earliest position.
const earliestKey = "earliest"
