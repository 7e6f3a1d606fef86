package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// named returns the field that a policy names, and whether it names one that is there and of the kind. What is wrong with it is
// a problem.
func (d *detector) named(field string, said *string, in protoreflect.MessageDescriptor, want kind) (Path, bool) {
	if said == nil {
		return nil, false
	}
	path, wrong := resolve(in, *said)
	if wrong == "" && !want.fits(path.Field()) {
		wrong = fmt.Sprintf("%q in %s is not %s; name one that is", *said, in.FullName(), want.text)
	}
	if wrong != "" {
		d.problem(field, wrong)
		return nil, false
	}
	return path, true
}

// namedOrNone is named of a field that a policy may take away by an empty name.
func (d *detector) namedOrNone(field string, said *string, in protoreflect.MessageDescriptor, want kind) (Path, bool) {
	if said != nil && *said == "" {
		return nil, true
	}
	return d.named(field, said, in, want)
}

// resolve returns the field at a path of names, or what is wrong with the path.
func resolve(in protoreflect.MessageDescriptor, text string) (path Path, wrong string) {
	if text == "" {
		return nil, "it is empty; name a field, or remove it"
	}
	for name := range strings.SplitSeq(text, ".") {
		if in == nil || len(path) > 0 && !isMessage(path.Field()) {
			return nil, fmt.Sprintf("%q is not a single message, so %q cannot be a field of it; name a field that is there", path, name)
		}
		f := in.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return nil, unknownField(in, name)
		}
		path, in = append(path, f), f.Message()
	}
	return path, ""
}

func unknownField(in protoreflect.MessageDescriptor, name string) string {
	fields := fieldsThat(in, anyField.fits)
	if len(fields) == 0 {
		return fmt.Sprintf("%s has no field %q, nor any other; remove it", in.FullName(), name)
	}
	return fmt.Sprintf("%s has no field %q; name one that it has: %s", in.FullName(), name, listOf(fields))
}

// problem notes something wrong with what the policy says.
func (d *detector) problem(field, text string) {
	d.result.Problems = append(d.result.Problems, policy.Fault{Field: field, Text: text})
}

// hasProblem says whether something is wrong already with what the policy says of a pattern.
func (d *detector) hasProblem(pattern string) bool {
	return slices.ContainsFunc(d.result.Problems, func(p policy.Fault) bool { return strings.HasPrefix(p.Field, pattern+".") })
}

// refuseStreams notes the fields that a policy names for a method that streams.
func (d *detector) refuseStreams() {
	const text = "it names a field of a method that streams, and is for methods without a stream; remove it"
	for _, field := range []string{
		firstPageName(d.said.GetPage()), firstBatchName(d.said.GetBatch()), firstOperationName(d.said.GetOperation()),
		firstSet(d.said.GetIdempotencyKey().GetOff(), "idempotency_key.field", d.said.GetIdempotencyKey().GetField()),
	} {
		if field != "" {
			d.problem(field, text)
		}
	}
}

// firstPageName returns the first field of a policy that names one of a page, or nothing.
func firstPageName(p *grpcservicev1.Page) string {
	return firstSet(p.GetOff(), "page.items", p.GetItems(), "page.size", p.GetSize(), "page.token", p.GetToken(),
		"page.next_token", p.GetNextToken(), "page.skip", p.GetSkip(), "page.total", p.GetTotal())
}

func firstBatchName(b *grpcservicev1.Batch) string {
	return firstSet(b.GetOff(), "batch.children", b.GetChildren(), "batch.results", b.GetResults(), "batch.missing", b.GetMissing())
}

func firstOperationName(o *grpcservicev1.Operation) string {
	return firstSet(o.GetOff(), "operation.response_type", o.GetResponseType(), "operation.metadata_type", o.GetMetadataType(),
		"operation.conflict_key", o.GetConflictKey())
}

// firstSet returns the first field with a text, of fields and texts in turns; nothing where the pattern is off.
func firstSet(off bool, pairs ...string) string {
	for i := 0; i+1 < len(pairs) && !off; i += 2 {
		if pairs[i+1] != "" {
			return pairs[i]
		}
	}
	return ""
}
