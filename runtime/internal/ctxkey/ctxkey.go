// Package ctxkey finds the keys of values in contexts that other packages do not export.
package ctxkey

import "context"

// Of returns the key that lookup asks a context for last.
func Of(lookup func(context.Context)) any {
	r := &recorder{Context: context.Background()}
	lookup(r)
	return r.key
}

// recorder is a context that records the key of a lookup.
type recorder struct {
	context.Context
	key any
}

// Value implements [context.Context].
func (r *recorder) Value(key any) any {
	r.key = key
	return nil
}
