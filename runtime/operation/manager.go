package operation

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/refreshed"
)

// Manager starts operations, works on them, and serves their state. Many managers, in as many
// processes, can share a [Store]. It is safe for concurrent use.
type Manager struct {
	store   recoveredStore // of nil without a store
	config  config
	wake    chan struct{} // holds a token when there may be something to claim
	origins origins
	waits   *seats // of calls that wait for operations

	unfinished *refreshed.Value[[]Count] // nil without a store

	mu       sync.Mutex
	handlers map[string]handler  // by method
	running  map[string]*attempt // by name
	counts   map[string]*counts  // by method
	ran      bool
	warned   bool // that it does not run
	errs     []error
}

// NewManager returns a manager of the operations in store. [Manager.Run] returns the mistakes in
// its options.
func NewManager(store Store, opts ...Option) *Manager {
	m := &Manager{
		config:   newConfig(opts),
		wake:     make(chan struct{}, 1),
		waits:    newSeats(waitsPerCaller),
		handlers: make(map[string]handler),
		running:  make(map[string]*attempt),
		counts:   make(map[string]*counts),
	}
	if store == nil {
		m.config.fail("operation.NewManager: the store is nil; pass one, such as Memory()")
	} else {
		m.store = recoveredStore{store, m.panicked}
		m.unfinished = refreshed.New(m.store.Count)
	}
	if _, ok := store.(Notifier); ok {
		m.config.poll = cmp.Or(m.config.poll, pollOfNotifier)
	}
	m.config.poll = cmp.Or(m.config.poll, DefaultPoll)
	return m
}

// handle sets the handler for the operations of a method.
func (m *Manager) handle(method string, h handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handlers[method] != nil {
		m.errs = append(m.errs, fmt.Errorf("%s: the operations have two handlers; call Handle once", method))
		return
	}
	m.handlers[method] = h
	m.wakeUp()
}

// handlerOf returns the handler of a method, or nil.
func (m *Manager) handlerOf(method string) handler {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handlers[method]
}

// methods returns the methods with handlers.
func (m *Manager) methods() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.handlers))
}

// wakeUp makes the workers look for operations.
func (m *Manager) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// contextOf returns the base context for the work of an operation: the values of the call that
// started it if that was here and recent, and always its principal, request ID and trace.
func (m *Manager) contextOf(op *Record) context.Context {
	if ctx := m.origins.take(op.Name); ctx != nil {
		return ctx
	}
	origin := runtime.Origin{RequestID: op.Carrier[requestIDHeader]}
	if op.Principal != "" {
		origin.Principal = runtime.NewPrincipal(op.Principal, op.Scopes...)
	}
	return runtime.WithOrigin(m.extract(op), origin)
}

// extract returns the context that an operation inherits. A caller may have sent it: if it cannot
// be read, the work runs without it.
func (m *Manager) extract(op *Record) (ctx context.Context) {
	defer func() {
		if value := recover(); value != nil {
			m.config.recovered(context.Background(), m.config.logger, value, slog.String(logOperation, op.Name))
			ctx = context.Background()
		}
	}()
	return m.config.extract(context.Background(), op.Carrier)
}

// carrierOf returns what an operation inherits from the call of ctx.
func (m *Manager) carrierOf(ctx context.Context) map[string]string {
	carrier := map[string]string{}
	maps.Copy(carrier, m.config.inject(ctx))
	m.config.injectTrace(ctx, carrier)
	if id := runtime.OriginOf(ctx).RequestID; id != "" {
		carrier[requestIDHeader] = id
	}
	return carrier
}
