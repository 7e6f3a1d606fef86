package pattern

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// findMode finds how the results belong to the children, as the policy has it or by their shape.
func (b *batcher) findMode(results Path) {
	field := results.Field()
	var status, value Path
	if isMessageList(field) {
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
		b.found(Certain, fmt.Sprintf("results: %s, each with %s or %s", results, value, status))
	default:
		b.findOrdered()
	}
	if b.said.GetMissing() != "" {
		b.problem("batch.missing", fmt.Sprintf("%q in %s has a result for each child, and only a map can be without some; remove missing", results, b.out.FullName()))
	}
}

// checkMode checks that the results can be as the policy has it; where they cannot, their shape decides.
func (b *batcher) checkMode(results Path, perItem bool) {
	isMap := results.Field().IsMap()
	wrong := ""
	switch {
	case b.mode == grpcservicev1.Batch_MODE_KEYED && !isMap:
		wrong = "is no map by child"
	case b.mode == grpcservicev1.Batch_MODE_PER_ITEM && !perItem:
		wrong = "is no list of messages with a google.rpc.Status and one other message each"
	case b.mode == grpcservicev1.Batch_MODE_ATOMIC && isMap:
		wrong = "is a map, which has no order"
	default:
		return
	}
	b.problem("batch.mode", fmt.Sprintf("%q in %s %s; remove mode, or name other results", results, b.out.FullName(), wrong))
	b.mode = grpcservicev1.Batch_MODE_UNSPECIFIED
}

// findKeyed takes a map by child, and the list of those that are missing from it.
func (b *batcher) findKeyed() {
	b.batch.Mode = Keyed
	want := kind{b.isMissing, "a repeated field of the type of the children"}
	path, ok := b.namedOrNone("batch.missing", b.said.Missing, b.out, want)
	if f := only(fieldsThat(b.out, b.isMissing), isMissingName); !ok && f != nil {
		path = Path{f}
	}
	b.batch.Missing = path
	reason := "results: a map by child"
	if len(path) > 0 {
		reason += ", what is missing in " + path.String()
	}
	b.found(Certain, reason)
}

// isMissing says whether a field can hold the children that are missing.
func (b *batcher) isMissing(f protoreflect.FieldDescriptor) bool {
	return isScalarList(f) && goKey(f) == goKey(b.batch.Children.Field())
}

// findOrdered takes a list in the order of the children. A list beside it of those that were not found says that it may be
// shorter than that of the children, which only a policy can deny.
func (b *batcher) findOrdered() {
	b.batch.Mode = Ordered
	missing := only(fieldsThat(b.out, isScalarList), isMissingName)
	if missing == nil || b.mode == grpcservicev1.Batch_MODE_ATOMIC {
		b.found(Certain, fmt.Sprintf("results: %s, in the same order", b.batch.Results))
		return
	}
	b.found(Likely, fmt.Sprintf("results: %s, in the same order, while %s stays empty", b.batch.Results, missing.Name()))
	b.advice = append(b.advice, "mode: MODE_ATOMIC")
}

// itemParts returns the fields of a result that has either an error or a value: a status, and one other message, in a oneof of
// the two or as the only ones.
func itemParts(m protoreflect.MessageDescriptor) (status, value Path) {
	status = errorField(m)
	if len(status) == 0 {
		return nil, nil
	}
	isOther := func(f protoreflect.FieldDescriptor) bool { return f != status[0] && isMessage(f) }
	if oneof := status[0].ContainingOneof(); oneof != nil && oneof.Fields().Len() == 2 {
		for i := range 2 {
			if f := oneof.Fields().Get(i); isOther(f) {
				return status, Path{f}
			}
		}
	}
	if other := only(fieldsThat(m, isMessage), isOther); other != nil {
		return status, Path{other}
	}
	return nil, nil
}
