package operation

import "google.golang.org/protobuf/proto"

// StartOption configures one call of [Method.Start].
type StartOption func(*startConfig)

// startConfig holds the options.
type startConfig struct {
	parent, conflictKey, target string
	metadata, preview           proto.Message
	tx                          any
}

func newStartConfig(opts []StartOption) (c startConfig) {
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// WithParent makes the operation a child of a resource: "projects/1" for the name
// "projects/1/operations/…".
func WithParent(parent string) StartOption { return func(c *startConfig) { c.parent = parent } }

// WithConflictKey sets the operation's conflict key instead of the request's field. Operations of
// all RPCs share the keys set this way, so operations on the same resource do not run at the same
// time: "books/978-0".
func WithConflictKey(key string) StartOption { return func(c *startConfig) { c.conflictKey = key } }

// WithTarget sets the target field of the metadata, instead of the request's name or parent.
func WithTarget(name string) StartOption { return func(c *startConfig) { c.target = name } }

// WithMetadata sets the metadata until the work saves its own.
func WithMetadata(m proto.Message) StartOption { return func(c *startConfig) { c.metadata = m } }

// WithPreview sets the response for a request with validate_only set, instead of an empty one.
func WithPreview(response proto.Message) StartOption {
	return func(c *startConfig) { c.preview = response }
}
