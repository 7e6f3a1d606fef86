package idempotency

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

const (
	httpOption protoreflect.FieldNumber = 72295728 // google.api.http (AIP-127)
	httpGet    protowire.Number         = 2        // google.api.HttpRule.get
)

// names are the names of the idempotency key (AIP-155), in order of preference.
var names = []string{"request_id", "idempotency_key", "client_token", "client_request_id"}

// Verbs of methods that only read: a retry of such a call needs no idempotency key.
var readVerbs = []string{"get", "list", "search", "query", "lookup", "fetch", "find", "count", "describe"}

// reads is a necessary condition of candidateOf: without a policy, the key has one of the names.
func reads(o pattern.Outline) pattern.Reads {
	for _, name := range names {
		if slices.Contains(o.Request, shape.Letters(name)) {
			return pattern.ReadsRequest
		}
	}
	return pattern.ReadsNothing
}

// candidate is a field of the request that is named like an idempotency key.
type candidate struct {
	path shape.Path
	said bool // the policy names it
	read bool // the method only reads
}

// candidateOf looks for the idempotency key of the request.
func candidateOf(m *pattern.Method) (c candidate) {
	said := m.Policy.GetIdempotencyKey()
	if said.GetOff() {
		return c
	}
	c.read = IsRead(m.Desc)
	if said != nil {
		c.path, c.said = named(m, said.Field)
	}
	if !c.said {
		c.path = shape.FirstNamed(m.In, names, shape.IsIDField)
	}
	return c
}

// FieldOf returns the request's field that is named like an idempotency key, and whether it
// certainly is one: in a method that only reads, it may be a filter.
func FieldOf(m *pattern.Method) (path shape.Path, sure bool) {
	c := candidateOf(m)
	if len(c.path) == 0 {
		return nil, false
	}
	return c.path, c.said || !c.read && !isAboutRequests(m, c.path.Field()) || policy.FormatOf(c.path.Field()) == policy.FormatUUID4
}

// isAboutRequests reports whether a field request_id is the ID of a resource called a request, as
// in ApproveRequest, and not the idempotency key of the call.
func isAboutRequests(m *pattern.Method, field protoreflect.FieldDescriptor) bool {
	if shape.Snake(field.Name()) != names[0] || policy.FormatOf(field) == policy.FormatUUID4 {
		return false
	}
	words := shape.WordsOf(m.Desc.Name())
	words = append(words[min(1, len(words)):], shape.WordsOf(m.Desc.Parent().Name())...)
	return slices.ContainsFunc(words, func(word string) bool { return shape.Singular(word) == "request" })
}

// named returns the field that the policy names, which must be a top-level field of the request
// (AIP-155).
func named(m *pattern.Method, said *string) (shape.Path, bool) {
	path, ok := m.Named("idempotency_key.field", said, m.In, shape.AnID)
	if len(path) > 1 {
		m.Problem("idempotency_key.field", fmt.Sprintf("%q is a field of a nested message; name a field of %s itself", path, m.In.FullName()))
		return nil, false
	}
	return path, ok
}

// detect reports the idempotency key of a method that does not only read, or whose policy names the
// key.
func detect(m *pattern.Method) pattern.Found {
	c := candidateOf(m)
	if len(c.path) == 0 || c.read && !c.said {
		return nil
	}
	field := c.path.Field()
	if !c.said && isAboutRequests(m, field) {
		m.ReportPossible(Name, fmt.Sprintf("field: %s, while the method is about requests", field.Name()),
			pattern.Option(Name, fmt.Sprintf("field: %q", field.Name())))
		return nil
	}
	var e pattern.Evidence
	if c.said {
		e.ByPolicy = []string{"field"}
		e.Reasons = []string{fmt.Sprintf("field: %s, %s", c.path, pattern.AsSaid)}
	} else {
		e.Found(pattern.Certain, fmt.Sprintf("field: %s, by its name", c.path))
	}
	m.Report(Name, e)
	return &Key{Field: c.path, UUID4: policy.FormatOf(field) == policy.FormatUUID4, Required: policy.IsRequired(field)}
}

// IsRead reports whether a method only reads, by its options or its verb.
func IsRead(method protoreflect.MethodDescriptor) bool {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	if options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
		return true
	}
	for _, rule := range policy.RawFields(method.Options(), httpOption) {
		if shape.TextIn(rule, httpGet) != "" {
			return true
		}
	}
	words := shape.WithoutBatch(shape.WordsOf(method.Name()))
	return len(words) > 0 && slices.ContainsFunc(readVerbs, func(verb string) bool { return strings.EqualFold(verb, words[0]) })
}
