package server

import (
	"github.com/grpcservice/grpcservice/runtime"
)

// WithObservers adds observers. The first is the first to be told of a call, and the last to be told of its end.
func WithObservers(observers ...runtime.Observer) Option {
	return func(c *settings) {
		for i, o := range observers {
			if isNil(o) {
				c.fail("WithObservers: observer %d is nil", i+1)
				return
			}
		}
		c.observers = append(c.observers, observers...)
	}
}

// bindObservers returns those who watch a method.
func bindObservers(observers []runtime.Observer, info runtime.MethodInfo) (bound []runtime.MethodObserver) {
	for _, o := range observers {
		if m := o.Bind(info); m != nil {
			bound = append(bound, m)
		}
	}
	return bound
}
