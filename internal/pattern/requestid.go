package pattern

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Names of the field by which a call that is made again is recognised (AIP-155), the better ones first.
var requestIDNames = []string{"request_id", "idempotency_key", "client_token", "client_request_id"}

// Verbs of methods that only read: to make such a call again needs no id.
var readVerbs = []string{"get", "list", "search", "query", "lookup", "fetch", "find", "count", "describe"}

// idField is the field of a request that is named like a request id.
type idField struct {
	path Path
	said bool // the policy names it
	read bool // the method only reads
}

// findRequestID looks for the field of the request by which a call that is made again is recognised.
func (d *detector) findRequestID() {
	said := d.said.GetIdempotencyKey()
	if said.GetOff() {
		return
	}
	d.id.read = d.isRead()
	if said != nil {
		d.id.path, d.id.said = d.namedID(said.Field)
	}
	if !d.id.said {
		d.id.path = firstNamed(d.in, requestIDNames, isIDField)
	}
}

// isAboutRequests says whether a field that is named request_id is the id of a request that the method is about, as in
// ApproveRequest: of a thing that people ask for, and not of the call.
func (d *detector) isAboutRequests(field protoreflect.FieldDescriptor) bool {
	if snake(field.Name()) != requestIDNames[0] || policy.FormatOf(field) == policy.FormatUUID4 {
		return false
	}
	words := wordsOf(d.method.Name())
	words = append(words[min(1, len(words)):], wordsOf(d.method.Parent().Name())...)
	return slices.ContainsFunc(words, func(word string) bool { return singular(word) == "request" })
}

// namedID returns the field that the policy names, which must be one of the request itself (AIP-155).
func (d *detector) namedID(said *string) (Path, bool) {
	path, ok := d.named("idempotency_key.field", said, d.in, anID)
	if len(path) > 1 {
		d.problem("idempotency_key.field", fmt.Sprintf("%q is in a message of the request; name a field of %s itself", path, d.in.FullName()))
		return nil, false
	}
	return path, ok
}

// reportRequestID reports the request id of a method that does more than read, or of one whose policy names it.
func (d *detector) reportRequestID() {
	if len(d.id.path) == 0 || d.id.read && !d.id.said {
		return
	}
	field := d.id.path.Field()
	if !d.id.said && d.isAboutRequests(field) {
		d.reportPossible(PatternRequestID, fmt.Sprintf("field: %s, while the method is about requests", field.Name()),
			option(PatternRequestID, fmt.Sprintf("field: %q", field.Name())))
		return
	}
	d.result.RequestID = &RequestID{
		Field: d.id.path, UUID4: policy.FormatOf(field) == policy.FormatUUID4, Required: policy.IsRequired(field),
	}
	var e evidence
	if d.id.said {
		e.byPolicy = []string{"field"}
		e.reasons = []string{fmt.Sprintf("field: %s, %s", d.id.path, asSaid)}
	} else {
		e.found(Certain, fmt.Sprintf("field: %s, by its name", d.id.path))
	}
	d.report(PatternRequestID, e)
}

// idField returns the request's field that is named like a request id, and whether it is sure to be one: a method that only
// reads may take it as a filter.
func (d *detector) idField() (path Path, sure bool) {
	path = d.id.path
	if len(path) == 0 {
		return nil, false
	}
	return path, d.id.said || !d.id.read && !d.isAboutRequests(path.Field()) || policy.FormatOf(path.Field()) == policy.FormatUUID4
}

// isRead says whether a method only reads: by its options, or by its verb.
func (d *detector) isRead() bool {
	options, _ := d.method.Options().(*descriptorpb.MethodOptions)
	if options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
		return true
	}
	for _, rule := range policy.RawFields(d.method.Options(), httpOption) {
		if textIn(rule, httpGet) != "" {
			return true
		}
	}
	words := withoutBatch(wordsOf(d.method.Name()))
	return len(words) > 0 && slices.ContainsFunc(readVerbs, func(verb string) bool { return strings.EqualFold(verb, words[0]) })
}
