package hub

import "time"

// Slow states what happens if a message does not fit into the queue of a member.
type Slow int

const (
	// Disconnect ends the member's stream with RESOURCE_EXHAUSTED, reason SLOW_CONSUMER. It is the
	// default.
	Disconnect Slow = iota + 1
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the message.
	DropNewest
	// Block makes the publisher and the room wait until the member has room, for at most the time
	// of [WithBlock]. After that the member is disconnected as by [Disconnect].
	Block
)

// DefaultBlock is how long [Block] waits unless [WithBlock] states another time.
const DefaultBlock = time.Second

// Defaults of queues and hubs.
const (
	DefaultQueue           = 64        // messages of a member
	DefaultQueueBytes      = 1 << 20   // of the messages of a member
	DefaultMaxRooms        = 100_000   // of a hub
	DefaultMaxMembers      = 10_000    // of a room
	DefaultMaxPerPrincipal = 100       // members of a hub
	DefaultMaxBytes        = 256 << 20 // of the messages in all queues of a hub
)
