package pattern_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// outlineOf returns the outline of a method.
func outlineOf(m protoreflect.MethodDescriptor) pattern.Outline {
	o := pattern.Outline{Method: shape.Letters(string(m.Name()))}
	for f := range shape.FieldsOf(m.Output()) {
		o.Response = append(o.Response, shape.Letters(string(f.Name())))
	}
	methods := m.Parent().(protoreflect.ServiceDescriptor).Methods()
	for f := range shape.FieldsOf(m.Input()) {
		o.Request = append(o.Request, shape.Letters(string(f.Name())))
		for i := range methods.Len() {
			o.ListsRequests = o.ListsRequests || shape.IsMessageList(f) && methods.Get(i).Input() == f.Message()
		}
	}
	return o
}

// checkReads checks that what a pattern claims to read of a method is a necessary condition: it
// claims enough for each pattern that the method has. The method has no policy.
func checkReads(t testing.TB, patterns []pattern.Pattern, m protoreflect.MethodDescriptor, result pattern.Result) {
	t.Helper()
	if m.IsStreamingClient() || m.IsStreamingServer() {
		return // patterns read both messages
	}
	o := outlineOf(m)
	has := func(p pattern.Pattern) bool {
		_, ok := result.Match(p.Name)
		return ok
	}
	for _, p := range patterns {
		if has(p) && p.MayRead(o) == pattern.ReadsNothing {
			t.Errorf("%s has the pattern %s, which claims to read nothing of %+v", m.FullName(), p.Name, o)
		}
	}
	if claims := func(p pattern.Pattern) bool { return p.MayRead(o) == pattern.ReadsBoth }; slices.ContainsFunc(result.Matches, func(f pattern.Match) bool {
		return !f.Pattern.Beside
	}) && !slices.ContainsFunc(patterns, claims) {
		t.Errorf("%s has a pattern, and none claims to read both messages of %+v", m.FullName(), o)
	}
}
