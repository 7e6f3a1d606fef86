package operation

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Manager starts operations, works on them, and answers for them. Many managers may share a [Store], in as many processes.
type Manager struct {
	store   Store
	config  config
	wake    chan struct{} // holds a token when there may be something to claim
	origins origins

	mu       sync.Mutex
	handlers map[string]handler  // by method
	running  map[string]*attempt // by name
	ran      bool
	warned   bool // that it does not run
	errs     []error
}

// NewManager returns a manager of the operations in store. What is wrong with its options is returned by [Manager.Run].
func NewManager(store Store, opts ...Option) *Manager {
	m := &Manager{
		store:    store,
		config:   newConfig(opts),
		wake:     make(chan struct{}, 1),
		handlers: make(map[string]handler),
		running:  make(map[string]*attempt),
	}
	if store == nil {
		m.config.fail("operation.NewManager: the store is nil; Memory() is one")
	} else {
		m.store = recoveredStore{store}
	}
	return m
}

// handle has a handler for the operations of a method.
func (m *Manager) handle(method string, h handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handlers[method] != nil {
		m.errs = append(m.errs, fmt.Errorf("%s: its operations have two handlers; call Handle once", method))
		return
	}
	m.handlers[method] = h
	m.wakeUp()
}

// handlerOf returns the handler of a method; nil where there is none.
func (m *Manager) handlerOf(method string) handler {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handlers[method]
}

// methods returns what there are handlers for.
func (m *Manager) methods() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.handlers))
}

// wakeUp has the workers look for something to do.
func (m *Manager) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
