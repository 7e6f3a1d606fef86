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

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
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

// Check returns all mistakes in a policy that do not depend on the method.
func Check(p *grpcservicev1.Policy) []Fault {
	var f faults
	f.unknown("", p)
	for _, r := range rules {
		checkOptions(&f, r.options, r.message(p), r.path)
		if r.check != nil {
			r.check(&f, p)
		}
		if r.isPattern && r.spoken(p) {
			f.off(r, p)
		}
	}
	return f
}

// CheckWide returns all mistakes in a policy for many methods: those of [Check], and fields that
// only a single method can set.
func CheckWide(p *grpcservicev1.Policy) []Fault {
	f := faults(Check(p))
	for _, path := range shapeIn(p) {
		f.add(path, "it names fields of a single method; set it for that method only")
	}
	return f
}

// missing finds what a method's merged policy lacks.
func (f *faults) missing(p *grpcservicev1.Policy) {
	for _, r := range rules {
		if r.missing != nil {
			r.missing(f, p)
		}
	}
}

// off finds limits of a pattern next to the option that disables it.
func (f *faults) off(r rule, p *grpcservicev1.Policy) {
	if set := fieldsSet(r.message(p)); !r.asked(p) && len(set) > 0 {
		f.add(r.path("off"), "it disables the pattern that %s configures; remove one of them",
			r.path(set[0]))
	}
}

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

// takesRatesAway reports whether rates are a single zero, which removes the service's rates.
func takesRatesAway(rates protoreflect.List) bool {
	zero := &grpcservicev1.Rate{PerSecond: proto.Float64(0)}
	return rates.Len() == 1 && proto.Equal(rates.Get(0).Message().Interface(), zero)
}

func (f *faults) rate(path string, r protoreflect.Message) {
	checkOptions(f, rateOptions(), r, func(option string) string { return path + "." + option })
	if !r.Has(fieldOf(r, "per_second")) {
		f.add(path+".per_second", "it is not set; set it to the number of calls per second")
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

// takenAway finds options of layers that are not wide for a pattern that an earlier layer
// disables. If a later layer disables it, that is no mistake: the later one takes precedence.
func takenAway(layers []Layer) (f []Fault) {
	for _, r := range rules.patterns() {
		off := false
		for i, layer := range layers {
			if !r.spoken(layer.Policy) {
				continue
			}
			m := r.message(layer.Policy)
			if fd := fieldOf(m, "off"); m.Has(fd) {
				off = m.Get(fd).Bool()
				continue
			}
			if set := fieldsSet(m); off && !layer.Wide && len(set) > 0 {
				f = append(f, Fault{Layer: i, Field: r.path(set[0]),
					Text: fmt.Sprintf("the service, or a rule for several methods, disables the pattern; "+
						"set %s.off to false beside it", r.name)})
			}
		}
	}
	return f
}
