package operation

import "google.golang.org/protobuf/proto"

// StartOption is for one operation that [Method.Start] starts.
type StartOption func(*startConfig)

// startConfig is what the options add up to.
type startConfig struct {
	parent, conflictKey, target string
	metadata, preview           proto.Message
}

func newStartConfig(opts []StartOption) (c startConfig) {
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// Under makes the operation one of a parent resource: "projects/1" for the name "projects/1/operations/…".
func WithParent(parent string) StartOption { return func(c *startConfig) { c.parent = parent } }

// ConflictKey sets the operation's conflict key in place of the request's field. Operations of all RPCs have it in common, so that
// those that work on the same resource do not do so at the same time: "books/978-0".
func WithConflictKey(key string) StartOption { return func(c *startConfig) { c.conflictKey = key } }

// Target sets what the field target of the metadata says the operation works on, in place of the request's name or parent.
func WithTarget(name string) StartOption { return func(c *startConfig) { c.target = name } }

// FirstMetadata sets what the operation shows until its work saves something.
func WithMetadata(m proto.Message) StartOption { return func(c *startConfig) { c.metadata = m } }

// Preview sets the response for a request that only asks for validation, in place of an empty one.
func WithPreview(response proto.Message) StartOption {
	return func(c *startConfig) { c.preview = response }
}
