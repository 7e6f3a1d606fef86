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
	mode  grpcservicev1.Batch_Mode // the one that the policy wants, if it can be
	batch Batch
}

func newBatcher(m *pattern.Method) *batcher {
	b := &batcher{Method: m, said: m.Policy.GetBatch(), mode: m.Policy.GetBatch().GetMode()}
	if b.said == nil {
		b.said = &grpcservicev1.Batch{}
	}
	return b
}

// detect looks for a method that works on many things at once (AIP-231 to AIP-235).
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

// Inside returns the children of a method whose results are not in its response, as of one that returns an operation: why is what
// is wrong with options for its results. It returns nil where there are none.
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
	b.refuseResults(why)
	b.finish()
	return &b.batch, b.Evidence
}

// firstNamed returns the first part of the batch that the policy names, or "".
func (b *batcher) firstNamed() string { return b.FirstNamed(Pattern()) }

// use returns the field that the policy names for a part of the batch, and notes that it does.
func (b *batcher) use(part string, said *string, in protoreflect.MessageDescriptor, want shape.Kind) (shape.Path, bool) {
	path, ok := b.Named(Name+"."+part, said, in, want)
	if ok {
		b.ByPolicy = append(b.ByPolicy, part)
	}
	return path, ok
}

// finish finds what goes with any children.
func (b *batcher) finish() {
	b.findHoisted()
	if path, sure := idempotency.FieldOf(b.Method); sure {
		b.batch.IdempotencyKey = path
	}
}

// Names of fields that tell one thing from others, so that those of a child and of the whole are not the same.
var ownNames = []string{"name", "id", "uid", "uuid", "key", "etag"}

// findHoisted finds the fields of the request that its children, which are requests too, have as well: parent, update_mask. What
// each child has for itself, as its id and its idempotency key, is not among them, nor is one of several fields of which a child has
// only one. Children that are names of resources are in their parent.
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

// sameType reports whether two fields are neither lists nor maps, and of one type.
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
