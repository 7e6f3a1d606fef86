package pattern

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// batcher looks for the fields of a batch.
type batcher struct {
	*detector
	evidence
	said  *grpcservicev1.Batch
	mode  grpcservicev1.Batch_Mode // the one that the policy wants, if it can be
	batch Batch
}

func (d *detector) newBatcher() *batcher {
	b := &batcher{detector: d, said: d.said.GetBatch(), mode: d.said.GetBatch().GetMode()}
	if b.said == nil {
		b.said = &grpcservicev1.Batch{}
	}
	return b
}

// findBatch looks for a method that works on many things at once (AIP-231 to AIP-235), and says whether it does.
func (d *detector) findBatch() bool {
	b := d.newBatcher()
	if b.said.GetOff() || !b.findChildren() || !b.findResults() {
		return false
	}
	b.finish()
	d.report(PatternBatch, b.evidence)
	if b.level() == Possible {
		return false
	}
	d.result.Batch = &b.batch
	return true
}

// use returns the field that the policy names for a part of the batch, and notes that it does.
func (b *batcher) use(part string, said *string, in protoreflect.MessageDescriptor, want kind) (Path, bool) {
	path, ok := b.named(PatternBatch+"."+part, said, in, want)
	if ok {
		b.byPolicy = append(b.byPolicy, part)
	}
	return path, ok
}

// finish finds what goes with any children.
func (b *batcher) finish() {
	b.findHoisted()
	if path, sure := b.idField(); sure {
		b.batch.RequestID = path
	}
}

// Names of fields that tell one thing from others, so that those of a child and of the whole are not the same.
var ownNames = []string{"name", "id", "uid", "uuid", "key", "etag"}

// findHoisted finds the fields of the request that its children, which are requests too, have as well: parent, update_mask. What
// each child has for itself, as its id and its request id, is not among them, nor is one of several fields of which a child has
// only one. Children that are names of resources are in their parent.
func (b *batcher) findHoisted() {
	children := b.batch.Children.Field()
	child := children.Message()
	switch {
	case child == nil:
		if parent := firstNamed(b.in, []string{"parent"}, isString); len(parent) > 0 && isResourceName(children) {
			b.batch.Hoisted = []string{parent.String()}
		}
		return
	case b.batch.Single == nil || child != b.batch.Single.Input():
		return
	}
	for f := range fieldsOf(b.in) {
		same := child.Fields().ByName(f.Name())
		if same != nil && sameType(f, same) && !isChoice(same) && !slices.Contains(ownNames, snake(f.Name())) &&
			(len(b.id.path) == 0 || f != b.id.path[0]) {
			b.batch.Hoisted = append(b.batch.Hoisted, string(f.Name()))
		}
	}
}

// sameType says whether two fields are neither lists nor maps, and of one type.
func sameType(a, b protoreflect.FieldDescriptor) bool {
	switch {
	case !isSingular(a) || !isSingular(b) || a.Kind() != b.Kind():
		return false
	case a.Message() != nil:
		return a.Message().FullName() == b.Message().FullName()
	case a.Enum() != nil:
		return a.Enum().FullName() == b.Enum().FullName()
	default:
		return true
	}
}
