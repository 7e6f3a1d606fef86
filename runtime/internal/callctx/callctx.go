// Package callctx finds the call that a context belongs to. It offers the packages of the runtime
// more of the call than its method sees.
package callctx

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// Key is the key of a [Call] in contexts.
type Key struct{}

// Call is a call that runs on a server. Its methods may be called concurrently.
type Call interface {
	// Go runs fn in a goroutine that the call waits for; false after the end of the call.
	Go(ctx context.Context, fn func(ctx context.Context) error) bool
	// Join waits for these goroutines, and returns what a method ends with that returned err.
	Join(err error) error
	// Draining is closed when the server starts to drain.
	Draining() <-chan struct{}
	// Ends returns the deadline of the method.
	Ends() (deadline time.Time, ok bool)
	// TokenRing returns the keys of the server for page tokens; nil where it has none.
	TokenRing() *seal.Ring
	// TokenRejected counts a page token that was rejected, by the name of the reason.
	TokenRejected(reason string)
	// Recovered logs a panic of the method and returns what its caller gets.
	Recovered(value any) error
	// Logger returns the server's logger with the method and the request ID.
	Logger() *slog.Logger
	// Single returns the method called single of the same service, if the call is of the method
	// many.
	Single(many, single string) (Single, error)
	// Allowed reports for each resource whether the caller has a permission on it. An empty
	// resource is not allowed.
	Allowed(ctx context.Context, permission string, resources []string) ([]bool, error)
}

// Of returns the call that ctx belongs to. It returns false outside a call.
func Of(ctx context.Context) (Call, bool) {
	c, ok := ctx.Value(Key{}).(Call)
	return c, ok
}

// GoroutineEnded is the logged failure of a goroutine of a call that ends itself.
const GoroutineEnded = "a goroutine of Go ended itself, as FailNow of a test does; return an error"

// LateYield logs that a goroutine yields for a stream that has ended. The message is lost.
func LateYield(ctx context.Context) {
	logger := slog.Default()
	if c, ok := Of(ctx); ok {
		logger = c.Logger()
	}
	logger.WarnContext(ctx, each.LateYield)
}

// processRing returns the ring of calls without keys. It is the same throughout the process.
var processRing = sync.OnceValue(seal.Random)

// TokenRing returns the ring that seals and opens the tokens of the call that ctx belongs to: the
// keys of its server. If the server has none, and outside a call, it is a random key of the
// process.
func TokenRing(ctx context.Context) *seal.Ring {
	if c, ok := Of(ctx); ok {
		if ring := c.TokenRing(); ring != nil {
			return ring
		}
	}
	return processRing()
}

// Single is a method of which a call of another method does the work, once or many times: a batch
// creates what its service has a method to create one of. What the policy of the single method
// requires of a caller holds for the items of the batch too.
type Single interface {
	// Authorize returns the error that the caller would get from the single method for who they
	// are: UNAUTHENTICATED, or PERMISSION_DENIED with the reason MISSING_SCOPE,
	// PRINCIPAL_NOT_ALLOWED or NO_POLICY. It is nil where they may call it.
	Authorize() error
	// Check returns what is wrong with a request of the single method, as its calls would: its
	// size, its required fields and formats, what the validator says. Of these it leaves out what
	// the check of the whole request has covered. What is no request of the method is not checked.
	Check(ctx context.Context, req proto.Message) error
	// Permit returns the index of the first item that the caller lacks the permission of the single
	// method for, and the error that the caller would get from that method. Another error, of all
	// items, has the index -1. It asks once for all items, unless the policy of the batch requires
	// a permission on the items itself.
	Permit(ctx context.Context, items Items) (index int, err error)
}

// Items are the items of a batch.
type Items struct {
	// Field is the path of the field of the batch that has the items.
	Field string
	// Len is the number of items.
	Len int
	// Request returns an item that is a request of the single method; nil if items are IDs.
	Request func(i int) proto.Message
	// ID returns an item that is an ID.
	ID func(i int) string
	// ShowsMissing means that the response of the batch shows which items do not exist.
	ShowsMissing bool
}

// SingleIn returns the method called single, of the service of the method with the path many, if
// ctx belongs to a call of many on a server. Outside such a call, for example if one method calls
// another directly, and if the name is empty, the result requires nothing. If the service has no
// such method, the error is INTERNAL.
func SingleIn(ctx context.Context, many, single string) (Single, error) {
	c, ok := Of(ctx)
	if !ok || single == "" {
		return Unrestricted{}, nil
	}
	return c.Single(many, single)
}

// Unrestricted is a [Single] that requires nothing.
type Unrestricted struct{}

// Authorize returns nil.
func (Unrestricted) Authorize() error { return nil }

// Check returns nil.
func (Unrestricted) Check(context.Context, proto.Message) error { return nil }

// Permit returns nil.
func (Unrestricted) Permit(context.Context, Items) (int, error) { return -1, nil }
