package fieldrules

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk is one pass over a request. It costs no more than the request's size, and stops when it has
// as many violations as one error names, or when the call is over.
type walk struct {
	collector
	ctx  context.Context
	seen int
	over error // why the call is over
}

// on reports whether to go on.
func (w *walk) on() bool { return w.over == nil && !w.full() }

// next counts a message or a text, and reports whether to go on.
func (w *walk) next() bool {
	if w.seen++; w.seen%lookEvery == 0 && w.over == nil {
		w.over = w.ctx.Err()
	}
	return w.on()
}

// scope is what a request does with a message in it.
type scope struct {
	mask maskPart // what of the message it is about

	resource bool // the message is the resource that is created or updated
	creating bool // the message is in a resource that is created
	updating bool // the message is in a resource that is updated
	unmasked bool // the request has a field for an update mask, which is unset
	redacted bool // the message is in a field with debug_redact

	batch   protoreflect.Message // the batch that the message is a child of, or nil
	hoisted []hoistedField       // what the batch may set for the message
	shared  *updateScope         // the update scope of the batch, or nil
}

// updateScope is what is updated, of one resource or of all in a batch.
type updateScope struct {
	mask         maskPart
	given        bool // mask names something
	allowMissing bool
}
