package policy

import "time"

// Search bounds the results of a search.
type Search struct {
	// MaxLimit is the maximum number of results of a call; 0 means no maximum.
	MaxLimit int
	// PackItems and PackBytes are how many results, and bytes of results, a response with a list
	// holds before it is sent.
	PackItems int
	PackBytes int64
	// PackWait is how long a result waits for others in its response; 0 and less mean that it
	// does not wait.
	PackWait time.Duration
}

// Subscription configures a stream of events that can be resumed, or the tail of a log.
type Subscription struct {
	// Heartbeat is how long a stream is silent before it sends its position; below 0, it never
	// does.
	Heartbeat time.Duration
	// MaxLines is the maximum number of past lines of a call.
	MaxLines int
}

// Upload bounds the files of an upload.
type Upload struct {
	// MaxFileBytes and MaxTotalBytes are the maximum bytes of a file, and of all files of a call;
	// below 0 there is no limit.
	MaxFileBytes, MaxTotalBytes int64
	// MaxFiles is the maximum number of files of a call.
	MaxFiles int
}

// Bulk bounds a stream of items that are processed one by one.
type Bulk struct {
	// Concurrency is how many items run at a time.
	Concurrency int
	// MaxItems is the maximum number of items of a call; 0 means no limit.
	MaxItems int
	// MaxFailures is how many items may fail before the call ends.
	MaxFailures int
}

// Handshake configures a stream with a typed first request.
type Handshake struct {
	// Timeout is how long the server waits for the first request; below 0 it waits forever.
	Timeout time.Duration
}

// Room configures the members of a room.
type Room struct {
	// Queue and QueueBytes are how many messages and bytes wait for a member that receives slowly.
	Queue      int
	QueueBytes int64
	// Slow is what happens if more have to wait.
	Slow Slow
}

// Slow defines what happens if a message does not fit into the queue of a member of a room.
type Slow int

const (
	// DisconnectSlow ends the member's call with RESOURCE_EXHAUSTED.
	DisconnectSlow Slow = iota
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the message.
	DropNewest
	// BlockOnSlow makes the room wait for the member, for a time that the program sets.
	BlockOnSlow
)

// String returns the name of the constant.
func (s Slow) String() string {
	return nameOf(int(s), "Slow", "DisconnectSlow", "DropOldest", "DropNewest", "BlockOnSlow")
}
