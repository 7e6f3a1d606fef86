package runtime

// WithObservers adds observers. The first is the first to be told of a call, and the last to be told of its end.
func WithObservers(observers ...Observer) ServerOption {
	return func(c *serverConfig) {
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
func bindObservers(observers []Observer, info MethodInfo) (bound []MethodObserver) {
	for _, o := range observers {
		if m := o.Bind(info); m != nil {
			bound = append(bound, m)
		}
	}
	return bound
}
