package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/spiffe"
)

// Fault is a mistake in a policy.
type Fault struct {
	// Field is the path of the field in the policy: "timeout.default", "rate[1].burst".
	Field string
	// Text states what is wrong, and what to do.
	Text string
	// Layer is the index, among the layers of [Merge], of the layer with the mistake.
	Layer int
}

// Error implements error.
func (f Fault) Error() string { return f.Field + ": " + f.Text }

// faults collects mistakes.
type faults []Fault

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, Fault{Field: field, Text: fmt.Sprintf(format, args...)})
}

// element returns the path of an element of a list.
func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// scope checks a scope: visible ASCII without quotes and backslashes (RFC 6749, section 3.3).
func (f *faults) scope(field, scope string) {
	if scope == "" {
		f.add(field, "a scope is empty; name it, or remove it")
	}
	for _, r := range scope {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			f.add(field, "the scope %q contains %q; use visible ASCII without spaces, quotes and backslashes (RFC 6749)", scope, r)
			return
		}
	}
}

// principal checks the ID of a principal, or a pattern of SPIFFE IDs.
func (f *faults) principal(field, id string) {
	switch {
	case id == "":
		f.add(field, "a principal is empty; name its ID, or remove it")
	case strings.HasPrefix(id, spiffe.Scheme):
		if err := spiffe.CheckPattern(id); err != nil {
			f.add(field, "the SPIFFE ID %q is malformed: %v; a star is allowed as its last segment", id, err)
		}
	case strings.HasSuffix(id, "*"):
		f.add(field, "the principal %q ends with a star; only SPIFFE IDs may, such as %q", id,
			"spiffe://example.org/shop/*")
	case strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		f.add(field, "the principal %q contains characters that are not printable", id)
	}
}

func (f *faults) perSecond(path string, x float64) {
	if !(x > 0) || x > math.MaxInt32 {
		f.add(path, "%v is out of range; want a number above 0 and at most %d", x, math.MaxInt32)
	}
}

func (f *faults) multiplier(path string, x float64) {
	if !(x >= 1 && x <= 100) {
		f.add(path, "%v is out of range; want 1 to 100", x)
	}
}

func (f *faults) atLeastOne(path string, n int64) {
	if n < 1 {
		f.add(path, "%d is out of range; want 1 or more", n)
	}
}

func (f *faults) notNegative(path string, n int64) {
	if n < 0 {
		f.add(path, "%d is negative; set 0 for no limit", n)
	}
}

// connections checks a number of connections to each server.
func (f *faults) connections(path string, n int64) {
	if n < 1 || n > MaxConnections {
		f.add(path, "%d is out of range; want 1 to %d", n, MaxConnections)
	}
}

// attempts checks a number of attempts: gRPC makes at most five (gRFC A6).
func (f *faults) attempts(path string, n int64) {
	if n != 0 && (n < 2 || n > 5) {
		f.add(path, "%d is out of range; want 2 to 5, or 0 for a single attempt", n)
	}
}

// code checks the name of a status code.
func (f *faults) code(path, name string) {
	if !slices.Contains(codeNames, name) {
		f.add(path, "%q is not the status code of an error; want one of %s",
			name, strings.Join(codeNames, ", "))
	}
}

// codeNames are gRPC's names of the status codes except OK.
var codeNames = []string{"CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
	"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// maxDuration is the maximum duration, which avoids overflowing deadlines: grpc's own bound is
// 100 million hours, more than time.Duration holds.
const maxDuration = 100 * 365 * 24 * time.Hour

// duration parses a duration; "" means unset.
func (f *faults) duration(field, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		f.add(field, `%q is not a duration; write it as in "250ms", "2s" or "1m30s"`, text)
		return 0
	case d < 0:
		f.add(field, "%v is negative; want a duration of 0 or more", d)
		return 0
	case d > maxDuration:
		f.add(field, "%v is more than a hundred years; set \"0s\" for no limit", d)
		return 0
	}
	return d
}

// positive checks a duration that cannot be zero.
func (f *faults) positive(path string, v protoreflect.Value) {
	before := len(*f)
	if d := f.duration(path, v.String()); d == 0 && len(*f) == before {
		f.add(path, "it is 0; want a duration above 0")
	}
}

// shortestLease is the shortest lease that a worker can renew in time, at a third of it.
const shortestLease = time.Second

func (f *faults) lease(path string, v protoreflect.Value) {
	before := len(*f)
	if d := f.duration(path, v.String()); d < shortestLease && len(*f) == before {
		f.add(path, "%v is too short for a worker to renew; want at least %v", d, shortestLease)
	}
}

// notAbove checks that a duration is not above another one, if both are valid.
func (f *faults) notAbove(path, text, bound, boundText string) {
	var unread faults
	d, longest := unread.duration(path, text), unread.duration(bound, boundText)
	if longest > 0 && d > longest {
		f.add(path, "%v is above %s, which is %v; lower one or raise the other", d, bound, longest)
	}
}

// aName checks the name of a field or of a message: identifiers separated by dots.
func aName(f *faults, path string, v protoreflect.Value) { f.name(path, v.String()) }

// aNameOrNone is aName for a field that a pattern may lack: "" means that there is none.
func aNameOrNone(f *faults, path string, v protoreflect.Value) {
	if v.String() != "" {
		f.name(path, v.String())
	}
}

func names(f *faults, path string, v protoreflect.Value) {
	for i := range v.List().Len() {
		f.name(element(path, i), v.List().Get(i).String())
	}
}

func (f *faults) name(path, name string) {
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "."), ".") {
		if !protoreflect.Name(part).IsValid() {
			f.add(path, `%.100q is not a name; write it as in "page.token"`, name)
			return
		}
	}
}

// permission checks the name of a permission: words of letters, digits, '-' and '_', separated by
// dots, colons or slashes. The empty name stands for no permission.
func (f *faults) permission(path, name string) {
	if name == "" {
		return
	}
	if len(name) > maxPermission {
		f.add(path, "it has %d bytes; use at most %d", len(name), maxPermission)
		return
	}
	isSeparator := func(r rune) bool { return r == '.' || r == ':' || r == '/' }
	words := strings.Split(strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return '.'
		}
		return r
	}, name), ".")
	for _, word := range words {
		if word == "" || strings.ContainsFunc(word, isNotInWord) {
			f.add(path, `%q is not the name of a permission; write it as in "orders.cancel"`, name)
			return
		}
	}
}

// maxPermission is the maximum length of the name of a permission, in bytes.
const maxPermission = 128

// isNotInWord reports whether a word of the name of a permission cannot contain r.
func isNotInWord(r rune) bool {
	switch {
	case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return false
	}
	return true
}

// unknown finds fields of a newer options.proto that this version does not know and could not
// enforce.
func (f *faults) unknown(field string, m proto.Message) {
	msg := m.ProtoReflect()
	if !msg.IsValid() {
		return
	}
	if len(msg.GetUnknown()) > 0 {
		f.add(field, "it has fields that this version of grpcservice does not know; update the plugin and the runtime")
	}
	msg.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				f.unknown(fmt.Sprintf("%s[%d]", fd.Name(), i), v.List().Get(i).Message().Interface())
			}
		case fd.Message() != nil:
			f.unknown(string(fd.Name()), v.Message().Interface())
		}
		return true
	})
}

// enumNumber checks that a number is a value of its enum.
func (f *faults) enumNumber(field string, e protoreflect.EnumDescriptor, number protoreflect.EnumNumber) {
	if e.Values().ByNumber(number) == nil {
		f.add(field, "%d is not a value of %s", number, e.FullName())
	}
}
