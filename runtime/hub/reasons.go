package hub

import "github.com/grpcservice/grpcservice/runtime/rpcerr"

// Reasons of errors of rooms, as [rpcerr.ReasonOf] returns them.
const (
	// ReasonRoomInvalid is the reason of INVALID_ARGUMENT if a room key is missing or too long, or
	// differs from the key of the first message.
	ReasonRoomInvalid rpcerr.Reason = "ROOM_INVALID"
	// ReasonRoomFull is the reason of RESOURCE_EXHAUSTED if a room has its maximum of members.
	ReasonRoomFull rpcerr.Reason = "ROOM_FULL"
	// ReasonTooManyRooms is the reason of RESOURCE_EXHAUSTED if a hub has its maximum of rooms.
	ReasonTooManyRooms rpcerr.Reason = "TOO_MANY_ROOMS"
	// ReasonTooManyMemberships is the reason of RESOURCE_EXHAUSTED if a principal has its maximum
	// of memberships in a hub.
	ReasonTooManyMemberships rpcerr.Reason = "TOO_MANY_MEMBERSHIPS"
	// ReasonSlowConsumer is the reason of RESOURCE_EXHAUSTED if a member is disconnected because
	// its queue is full.
	ReasonSlowConsumer = rpcerr.ReasonSlowConsumer
	// ReasonBusFailed is the reason of UNAVAILABLE if the bus between replicas fails.
	ReasonBusFailed rpcerr.Reason = "BUS_FAILED"
	// ReasonMessageTooLarge is the reason of RESOURCE_EXHAUSTED if a message is larger than the bus
	// between replicas takes.
	ReasonMessageTooLarge rpcerr.Reason = "MESSAGE_TOO_LARGE"
)
