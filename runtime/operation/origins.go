package operation

import (
	"context"
	"sync"
)

// Maximum number of waiting operations that keep the values of their starting call, and the
// maximum size of their requests, which these values may hold. Beyond that, the oldest keep only
// what other processes have too.
const (
	maxOrigins     = 1024
	maxOriginBytes = 8 << 20
)

// origins keeps the contexts of calls that started operations here, until the operations run. The
// oldest are dropped first.
type origins struct {
	mu    sync.Mutex
	kept  map[string]origin
	names [maxOrigins]string // a ring of those from first to next
	first int                // counted from the first there was, as next is
	next  int
	bytes int
}

// origin is the context of a call and the size of its request.
type origin struct {
	ctx   context.Context
	bytes int
}

func (o *origins) keep(name string, ctx context.Context, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept == nil {
		o.kept = make(map[string]origin)
	}
	o.kept[name], o.names[o.next%maxOrigins] = origin{ctx, bytes}, name
	o.bytes += bytes
	o.next++
	for o.next-o.first >= maxOrigins || o.bytes > maxOriginBytes {
		o.drop(o.names[o.first%maxOrigins])
		o.first++
	}
}

// take returns and forgets the context of an operation, or returns nil.
func (o *origins) take(name string) context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	ctx := o.kept[name].ctx
	o.drop(name)
	return ctx
}

// drop forgets the context of an operation. o is locked.
func (o *origins) drop(name string) {
	o.bytes -= o.kept[name].bytes
	delete(o.kept, name)
}
