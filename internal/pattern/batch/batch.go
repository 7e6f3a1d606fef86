package batch

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/idempotency"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// batcher looks for the fields of a batch.
type batcher struct {
	*pattern.Method
	pattern.Evidence
	said  *grpcservicev1.Batch
	mode  grpcservicev1.Batch_Mode // the mode that the policy names, if the results allow it
	batch Batch
}

func newBatcher(m *pattern.Method) *batcher {
	b := &batcher{Method: m, said: m.Policy.GetBatch(), mode: m.Policy.GetBatch().GetMode()}
	if b.said == nil {
		b.said = &grpcservicev1.Batch{}
	}
	return b
}

// detect looks for a method that processes many items in one call (AIP-231 to AIP-235).
func detect(m *pattern.Method) pattern.Found {
	b := newBatcher(m)
	if !b.findChildren() || !b.findResults() {
		return nil
	}
	b.finish()
	m.Report(Name, b.Evidence)
	if b.Level() == pattern.Possible {
		return nil
	}
	return &b.batch
}

// Inside returns the items of a method whose response does not contain their results, such as one
// that returns an operation. why explains what is wrong with options for results. Inside returns
// nil if there are no items.
func Inside(m *pattern.Method, why string) (*Batch, pattern.Evidence) {
	b := newBatcher(m)
	if b.said.GetOff() || !b.findChildren() {
		return nil, pattern.Evidence{}
	}
	if b.Level() < pattern.Certain {
		m.ReportPossible(Name, b.Reasons[0], pattern.Option(Name, b.Advice...))
		return nil, pattern.Evidence{}
	}
	b.batch.Mode = Done
	b.rejectResults(why)
	b.finish()
	return &b.batch, b.Evidence
}

// firstNamed returns the first part of the batch that the policy names, or "".
func (b *batcher) firstNamed() string { return b.FirstNamed(Pattern()) }

// use returns the field that the policy names for a part of the batch, and records that the policy
// names it.
func (b *batcher) use(part string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	path, ok := b.Named(Name+"."+part, said, in, want)
	if ok {
		b.ByPolicy = append(b.ByPolicy, part)
	}
	return path, ok
}

// finish finds the parts that do not depend on the kind of items.
func (b *batcher) finish() {
	b.findHoisted()
	if path, sure := idempotency.FieldOf(b.Method); sure {
		b.batch.IdempotencyKey = path
	}
}

// Names of identifying fields, which differ between an item and the whole request.
var ownNames = []string{"name", "id", "uid", "uuid", "key", "etag"}

// findHoisted finds the fields of the request that its items have as well, if they are requests
// too: parent, update_mask. It excludes fields that each item sets separately, such as its ID and
// its idempotency key, and fields in a oneof of which an item has only one. If the items are
// resource names, which contain their parent, the only hoisted field is parent.
func (b *batcher) findHoisted() {
	children := b.batch.Children.Field()
	child := children.Message()
	switch {
	case child == nil:
		if parent := shape.FirstNamed(b.In, []string{"parent"}, shape.IsString); len(parent) > 0 && shape.IsResourceName(children) {
			b.batch.Hoisted = []string{parent.String()}
		}
		return
	case b.batch.Single == nil || child != b.batch.Single.Input():
		return
	}
	id, _ := idempotency.FieldOf(b.Method)
	for f := range shape.FieldsOf(b.In) {
		same := child.Fields().ByName(f.Name())
		if same != nil && sameType(f, same) && !shape.IsChoice(same) && !slices.Contains(ownNames, shape.Snake(f.Name())) &&
			f != id.Field() {
			b.batch.Hoisted = append(b.batch.Hoisted, string(f.Name()))
		}
	}
}

// sameType reports whether two fields are singular and have the same type.
func sameType(a, b protoreflect.FieldDescriptor) bool {
	switch {
	case !shape.IsSingular(a) || !shape.IsSingular(b) || a.Kind() != b.Kind():
		return false
	case a.Message() != nil:
		return a.Message().FullName() == b.Message().FullName()
	case a.Enum() != nil:
		return a.Enum().FullName() == b.Enum().FullName()
	default:
		return true
	}
}
