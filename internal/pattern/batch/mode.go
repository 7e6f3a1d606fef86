package batch

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// findMode finds how the results correspond to the items: from the policy, or from the shape of the
// results.
func (b *batcher) findMode(results shape.Path) {
	field := results.Field()
	var status, value shape.Path
	if shape.IsMessageList(field) {
		status, value = itemParts(field.Message())
	}
	b.checkMode(results, len(value) > 0)
	b.batch.Results = results
	switch {
	case field.IsMap():
		b.findKeyed()
		return
	case len(value) > 0 && (b.mode == grpcservicev1.Batch_MODE_PER_ITEM || b.mode == grpcservicev1.Batch_MODE_UNSPECIFIED && !b.isSingleOutput(field)):
		b.batch.Mode, b.batch.Status, b.batch.Value = PerItem, status, value
		b.Found(pattern.Certain, fmt.Sprintf("results: %s, each with %s or %s", results, value, status))
	default:
		b.findOrdered()
	}
	if b.said.GetMissing() != "" {
		b.Problem("batch.missing", fmt.Sprintf("%q in %s has a result for each child, and only a map can omit some; remove missing", results, b.Out.FullName()))
	}
}

// checkMode checks that the results fit the mode of the policy; if not, their shape decides.
func (b *batcher) checkMode(results shape.Path, perItem bool) {
	isMap := results.Field().IsMap()
	wrong := ""
	switch {
	case b.mode == grpcservicev1.Batch_MODE_KEYED && !isMap:
		wrong = "is not a map keyed by child"
	case b.mode == grpcservicev1.Batch_MODE_PER_ITEM && !perItem:
		wrong = "is not a list of messages that each have a google.rpc.Status and one other message"
	case b.mode == grpcservicev1.Batch_MODE_ATOMIC && isMap:
		wrong = "is a map, which has no order"
	default:
		return
	}
	b.Problem("batch.mode", fmt.Sprintf("%q in %s %s; remove mode, or name other results", results, b.Out.FullName(), wrong))
	b.mode = grpcservicev1.Batch_MODE_UNSPECIFIED
}

// findKeyed selects a map keyed by item, and the list of the items that are missing from it.
func (b *batcher) findKeyed() {
	b.batch.Mode = Keyed
	want := shape.Kind{Fits: b.isMissing, Text: "a repeated field of the type of the children"}
	path, ok := b.NamedOrNone("batch.missing", b.said.Missing, b.Out, want)
	if f := shape.Only(shape.FieldsThat(b.Out, b.isMissing), shape.IsMissingName); !ok && f != nil {
		path = shape.Path{f}
	}
	b.batch.Missing = path
	reason := "results: a map by child"
	if len(path) > 0 {
		reason += ", what is missing in " + path.String()
	}
	b.Found(pattern.Certain, reason)
}

// isMissing reports whether a field can list the missing items.
func (b *batcher) isMissing(f protoreflect.FieldDescriptor) bool {
	return shape.IsScalarList(f) && shape.GoKey(f) == shape.GoKey(b.batch.Children.Field())
}

// findOrdered selects a list in the order of the items. A second list, of the items that were not
// found, suggests that the results may be fewer than the items; only a policy can override that.
func (b *batcher) findOrdered() {
	b.batch.Mode = Ordered
	missing := shape.Only(shape.FieldsThat(b.Out, shape.IsScalarList), shape.IsMissingName)
	if missing == nil || b.mode == grpcservicev1.Batch_MODE_ATOMIC {
		b.Found(pattern.Certain, fmt.Sprintf("results: %s, in the same order", b.batch.Results))
		return
	}
	b.Found(pattern.Likely, fmt.Sprintf("results: %s, in the same order, while %s stays empty", b.batch.Results, missing.Name()))
	b.Advice = append(b.Advice, "mode: MODE_ATOMIC")
}

// itemParts returns the fields of a result that has either an error or a value: a status and one
// other message, which are a oneof or the only fields.
func itemParts(m protoreflect.MessageDescriptor) (status, value shape.Path) {
	status = shape.ErrorField(m)
	if len(status) == 0 {
		return nil, nil
	}
	isOther := func(f protoreflect.FieldDescriptor) bool { return f != status[0] && shape.IsMessage(f) }
	if oneof := status[0].ContainingOneof(); oneof != nil && oneof.Fields().Len() == 2 {
		for i := range 2 {
			if f := oneof.Fields().Get(i); isOther(f) {
				return status, shape.Path{f}
			}
		}
	}
	if other := shape.Only(shape.FieldsThat(m, shape.IsMessage), isOther); other != nil {
		return status, shape.Path{other}
	}
	return nil, nil
}
